"""``gate``, ``init-policy`` and ``compare`` through the command line, and the gate of a whole audit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from auditor.api.gates import Prepared
from auditor.cli import main
from auditor.documents.comparison import Comparison
from auditor.documents.results import Gate, Measure, NotMeasured, from_json, to_json
from auditor.policy.document import parse_policy
from tests.cli.command import DIGITS_CNN, SMALL, Done, run
from tests.render.gated import RULES
from tests.render.sample_results import synthetic_results

Output = pytest.CaptureFixture[str]
PASSES = "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.5\n"
FAILS = "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.9999\n"
WARNS = "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.98\n"
LOST = "version = 1\n[[rules]]\nmeasure = 'characteristics.edc_train_distance_misclassified'\nmax = 0.9\n"
CHANGE = "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmax_decrease = 0.05\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with ``results.json`` of a synthetic audit."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "results.json").write_text(to_json(synthetic_results(images=False)))
    return tmp_path


@pytest.mark.parametrize(
    ("policy", "status", "word"),
    [
        (PASSES, 0, "pass"),
        (WARNS, 0, "warn"),
        (FAILS, 1, "FAIL"),
        (LOST, 1, "FAIL"),
        ("strict = true\n" + WARNS, 1, "FAIL"),
    ],
)
def test_gate_prints_the_rules_and_says_it_by_its_code(
    policy: str, status: int, word: str, folder: Path, capsys: Output
):
    (folder / "p.toml").write_text(policy)
    assert main(["gate", "results.json", "--policy", "p.toml"]) == status
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith("gate failed: of " if status else "gate passed: ")
    assert ("all rules hold" in out) == (word == "pass")
    assert any(line.startswith(word) for line in out.splitlines())
    assert err == ""
    assert sorted(path.name for path in folder.iterdir()) == ["p.toml", "results.json"]


def test_gate_as_json(folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    (folder / "p.toml").write_text(RULES)
    assert main(["gate", "results.json", "--policy", "p.toml", "--json"]) == 1
    assert Gate.model_validate_json(capsys.readouterr().out).status == "failed"


def test_gate_against_a_baseline(folder: Path, capsys: Output):
    (folder / "p.toml").write_text(CHANGE)
    audit = synthetic_results(images=False)
    accepted = audit.model_copy(update={"model": audit.model.model_copy(update={"sha256": "0" * 64})})
    (folder / "accepted.json").write_text(to_json(accepted))
    assert main(["gate", "results.json", "--policy", "p.toml", "--baseline", "accepted.json"]) == 0
    assert "down by at most 0.05" in capsys.readouterr().out


@pytest.mark.parametrize("how", ["path", "link", "copy", "other gate", "out"])
def test_a_candidate_is_not_compared_with_itself(how: str, folder: Path, capsys: Output):
    (folder / "p.toml").write_text(CHANGE)
    mine, other, out = folder / "results.json", folder / "accepted.json", ["--out", "again"]
    if how == "path":
        other = folder / ".." / folder.name / "results.json"
    elif how == "link":
        other.symlink_to(mine)
    elif how == "copy":
        other.write_bytes(mine.read_bytes())
    elif how == "other gate":
        other.write_text(to_json(Prepared(parse_policy(PASSES, "p"), None).decide(from_json(mine.read_bytes()))))
    else:
        (folder / "again").mkdir()
        other = folder / "again" / "baseline.json"
        other.write_bytes(mine.read_bytes())
    before = other.read_bytes()
    assert main(["gate", "results.json", "--policy", "p.toml", "--baseline", str(other), *out]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert "as baseline" in line or "a baseline outside of again" in line
    assert other.read_bytes() == before


def test_gate_writes_results_and_outputs_when_asked(folder: Path, capsys: Output):
    (folder / "p.toml").write_text(FAILS)
    given = ["gate", "results.json", "--policy", "p.toml", "--out", "again", "--format", "json,junit,markdown,sarif"]
    assert main(given) == 1
    assert sorted(path.name for path in (folder / "again").iterdir()) == [
        "junit.xml", "results.json", "results.sarif", "summary.md",
    ]  # fmt: skip
    assert from_json((folder / "again" / "results.json").read_bytes()).gate.status == "failed"
    assert from_json((folder / "results.json").read_bytes()).gate.status == "not_configured"


def test_init_policy_writes_what_the_audit_passes_and_never_overwrites(folder: Path, capsys: Output):
    assert main(["init-policy", "results.json"]) == 0
    text = (folder / "policy.toml").read_text()
    assert parse_policy(text, "p").coverage is not None
    assert main(["gate", "results.json", "--policy", "policy.toml"]) == 0
    capsys.readouterr()
    (folder / "policy.toml").write_text("mine")
    assert main(["init-policy", "results.json"]) == 2
    assert "--force" in capsys.readouterr().err
    assert (folder / "policy.toml").read_text() == "mine"
    assert main(["init-policy", "results.json", "--force"]) == 0
    assert (folder / "policy.toml").read_text() == text


def test_compare_with_itself_shows_no_difference(folder: Path, capsys: Output):
    assert main(["compare", "results.json", "results.json", "--format", "html,json,markdown"]) == 0
    assert sorted(path.name for path in (folder / "compare").iterdir()) == [
        "compare.html", "compare.json", "compare.md",
    ]  # fmt: skip
    assert Comparison.model_validate_json((folder / "compare" / "compare.json").read_bytes()).identical
    out, err = capsys.readouterr()
    assert out == ""
    assert "No difference: both files hold the same numbers." in err


def test_compare_refuses_other_data_and_flags_them_when_told_to(folder: Path, capsys: Output):
    results = synthetic_results(images=False)
    other = results.model_copy(update={"data": results.data.model_copy(update={"fingerprint": "other"})})
    (folder / "b.json").write_text(to_json(other))
    assert main(["compare", "results.json", "b.json"]) == 3
    assert "--allow-different-data" in capsys.readouterr().err
    assert not (folder / "compare").exists()
    given = ["compare", "results.json", "b.json", "--allow-different-data", "--format", "html"]
    assert main(given) == 0
    assert "ran on different data" in (folder / "compare" / "compare.html").read_text("utf-8")


# ---- whole audits ----------------------------------------------------------------------------------


def test_an_audit_with_a_gate_that_fails_writes_everything_and_ends_with_1(audit: tuple[Path, Done], tmp_path: Path):
    """Three rules: one that fails, one on a characteristic, one against the baseline, which is this very audit."""
    (tmp_path / "p.toml").write_text(
        FAILS + "[[rules]]\nmeasure = 'characteristics.idc'\nmax = 0.9\n"
        "[[rules]]\nid = 'change'\nmeasure = 'characteristics.margin_l2_attack'\naggregate = 'mean'\n"
        "max_decrease = '20 %'\n"
    )
    baseline = audit[0] / "audit-digits_cnn" / "results.json"
    gate = ["--policy", "p.toml", "--baseline", baseline, "--format", "html,json,junit,markdown,sarif"]
    done = run([DIGITS_CNN, "--data", "digits", *SMALL, "--out", "out", *gate], tmp_path)
    assert done.status == 1, done.stderr
    assert done.stdout == ""
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "junit.xml", "report.html", "results.json", "results.sarif", "run.json", "summary.md",
    ]  # fmt: skip
    found = from_json((tmp_path / "out" / "results.json").read_bytes())
    assert {rule.id: rule.status for rule in found.gate.rules if "." not in rule.id or "perf" in rule.id} == {
        "performance.accuracy": "fail", "change": "pass",
    } | {rule.id: rule.status for rule in found.gate.rules if rule.id == "validity"}  # fmt: skip
    assert "gate failed" in done.stderr
    assert "The model does not pass the gate." in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_a_policy_that_does_not_fit_the_results_keeps_them_and_ends_with_2(tmp_path: Path):
    (tmp_path / "p.toml").write_text(
        "version = 1\n[[rules]]\nmeasure = 'generation.success_rate'\npairs = ['0:1']\nmin = 0.1\n"
    )
    done = run(
        [DIGITS_CNN, "--data", "digits", *SMALL, "--out", "out", "--format", "json", "--policy", "p.toml"], tmp_path
    )
    assert done.status == 2
    assert "found '0:1', which was not" in done.error
    assert from_json((tmp_path / "out" / "results.json").read_bytes()).gate.status == "failed"


def test_of_a_noisy_copy_the_right_pair_comes_first(audit: tuple[Path, Done], tmp_path: Path):
    """The weights of classes 4 and 9 in the last layer get noise, so pair 4 and 9 comes before 3 and 8."""
    model, rng = onnx.load(DIGITS_CNN), np.random.default_rng(3)
    for tensor in model.graph.initializer:
        if tensor.name == "9.weight":
            weight = numpy_helper.to_array(tensor).copy()
            for row in (4, 9):
                weight[row] += rng.normal(0, 1.5 * weight[row].std(), weight[row].shape).astype(weight.dtype)
            tensor.CopyFrom(numpy_helper.from_array(weight, tensor.name))
    onnx.save(model, tmp_path / "noisy.onnx")
    done = run(["noisy.onnx", "--data", "digits", *SMALL, "--out", "noisy", "--format", "json"], tmp_path)
    assert done.status == 0, done.stderr
    baseline = audit[0] / "audit-digits_cnn" / "results.json"
    given = ["--model", str(tmp_path / "noisy.onnx"), "--instances", str(baseline.parent / "instances")]
    assert main(["compare", str(tmp_path / "noisy" / "results.json"), str(baseline), "--out", str(tmp_path / "c"),
                 "--format", "json,html,markdown", *given]) == 0  # fmt: skip
    found = json.loads((tmp_path / "c" / "compare.json").read_text())
    assert not found["identical"]
    assert [pair["classes"] for pair in found["pairs"]] == [[4, 9], [3, 8]]
    assert found["pairs"][0]["strength"] > 2 > found["pairs"][1]["strength"]
    assert found["accuracy"]["change"] == "worse"
    kept = {(one["source"], one["target"]): one["kept"]["value"] for one in found["boundary_kept"]}
    assert kept.keys() == {(3, 8), (8, 3), (4, 9), (9, 4)}
    assert max(kept[4, 9], kept[9, 4]) < min(kept[3, 8], kept[8, 3]) <= 1
    assert "The same boundary?" in (tmp_path / "c" / "compare.html").read_text("utf-8")
    assert "lie on the candidate's boundary too" in (tmp_path / "c" / "compare.md").read_text("utf-8")


def test_a_model_keeps_all_of_its_own_boundary(audit: tuple[Path, Done], tmp_path: Path, capsys: Output):
    own = audit[0] / "audit-digits_cnn"
    results, given = str(own / "results.json"), ["--model", str(DIGITS_CNN), "--instances", str(own / "instances")]
    command = ["compare", results, results, "--out", str(tmp_path), "--format", "json"]
    assert main([*command, *given]) == 0
    found = Comparison.model_validate_json((tmp_path / "compare.json").read_bytes()).boundary_kept
    assert not isinstance(found, NotMeasured)
    assert [(one.source, one.target) for one in found] == [(3, 8), (4, 9), (8, 3), (9, 4)]
    for one in found:
        assert isinstance(one.kept, Measure)
        assert one.kept.value == 1
        assert (one.to_source, one.to_target, one.to_third) == (0, 0, 0)
    capsys.readouterr()
    assert main([*command, *given[:2]]) == 2
    assert "--model and --instances together" in capsys.readouterr().err
    assert main([*command, "--model", str(DIGITS_CNN.with_name("digits_fcn.onnx")), *given[2:]]) == 3
    assert "expected SHA-256" in capsys.readouterr().err
    assert main([*command, *given[:3], str(tmp_path)]) == 3
    assert "--save-instances wrote" in capsys.readouterr().err
