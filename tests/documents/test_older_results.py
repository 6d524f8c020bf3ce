"""``results-2.0.json``, written by the last version of schema 2.0, is read; what cannot be is refused with a command.

It is an audit of digits_fcn.onnx, pair 3:9, profile quick, with a policy, without line ends.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor.characteristics.base import characteristics
from auditor.cli import main
from auditor.documents.results import to_json
from auditor.documents.whole_files import read_results
from auditor.errors import InputRefused
from tests.render.sample_results import synthetic_results

OLD = Path(__file__).parent / "results-2.0.json"
POLICY = """version = 1
[[rules]]
measure = "characteristics.margin_l2_attack"
aggregate = "mean"
min = 0.2
[[rules]]
measure = "performance.accuracy"
max_decrease = 0.05
"""


def test_a_document_of_schema_2_0_reads_as_the_audit_writes_it_today() -> None:
    results, raw = read_results(OLD), json.loads(OLD.read_bytes())
    assert results.schema_version == "3.0"
    own = {id: d for _, kind in characteristics.items() for id, d in kind.definitions.items()}
    words = {"text", "formula"}  # which a later version may have put better
    assert {id: d.model_dump(exclude=words) for id, d in results.definitions.items()} == {
        id: own[id].model_dump(exclude=words) for id in results.definitions
    }
    said = json.loads(to_json(results))
    assert said["pairs"][0]["directions"][0]["characteristics"]["idc"] == {
        **{k: v for k, v in raw["pairs"][0]["directions"][0]["characteristics"]["idc"].items() if k != "direction"},
        "scale": "rate",
    }
    assert [(rule.id, rule.key, rule.scale) for rule in results.gate.rules if rule.measure][:3] == [
        ("performance.accuracy", "min", "share"),
        ("performance.ece", "max", "share"),
        ("generation.success_rate mean", "min", "share"),
    ]
    assert [(id, d.title) for id, d in results.generators.items()] == [
        ("deepdig", "DeepDIG"), ("rpbs", "RPBS"), ("epbs", "EPBS")
    ]  # fmt: skip
    assert numbers(said) == numbers(raw)


def numbers(part: Any) -> list[float]:
    """Every number of a document but the ideals, which schema 2.0 had in words."""
    if isinstance(part, dict):
        return [n for key, entry in part.items() if key != "ideal" for n in numbers(entry)]
    if isinstance(part, list):
        return [n for entry in part for n in numbers(entry)]
    return [part] if isinstance(part, int | float) and not isinstance(part, bool) else []


def test_every_command_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    Path("p.toml").write_text(POLICY)
    Path("new.json").write_text(to_json(read_results(OLD)))
    old = str(OLD)
    for source, folder in ((old, "a"), ("new.json", "b")):
        assert main(["render", source, "--out", folder, "--format", "markdown,csv"]) == 0
    for name in ("summary.md", "samples.csv"):
        assert Path("a", name).read_bytes() == Path("b", name).read_bytes()
    Path("again.json").write_text(Path("new.json").read_text().replace('"sha256": "5a', '"sha256": "6a'))
    for candidate, baseline in ((old, "again.json"), ("again.json", old)):
        assert main(["gate", candidate, "--policy", "p.toml", "--baseline", baseline]) == 0
    for candidate, baseline in ((old, "new.json"), ("new.json", old), (old, old)):
        assert main(["compare", candidate, baseline, "--out", "both", "--format", "json"]) == 0
        compared = json.loads(Path("both/compare.json").read_bytes())
        assert (compared["identical"], compared["verdict"]) == (True, "no_difference")
    assert main(["init-policy", old, "--out", "first.toml"]) == 0
    assert main(["gate", old, "--policy", "first.toml"]) == 0
    assert "Traceback" not in capsys.readouterr().err


COMMAND = "deepdig-audit m.onnx --data digits"
UNREADABLE: dict[str, Callable[[dict[str, Any]], object]] = {
    "another version": lambda d: d.update(schema_version="1.4"),
    "only the head of another version": lambda d: [
        d.pop(key) for key in [*d] if key not in ("schema_version", "settings")
    ],
    "a direction that reads in no way": lambda d: d["definitions"]["idc"].update(direction="bigger is safer"),
    "an ideal that is no number": lambda d: d["definitions"]["idc"].update(direction="near x is safer"),
    "a part that is not there": lambda d: d.pop("performance"),
    "a measure without a unit": lambda d: d["performance"]["accuracy"].pop("unit"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_is_refused_with_the_command_that_renews_it(kind: str, tmp_path: Path) -> None:
    document = json.loads(OLD.read_bytes())
    document["settings"]["command"] = COMMAND
    UNREADABLE[kind](document)
    (tmp_path / "results.json").write_text(json.dumps(document))
    with pytest.raises(InputRefused) as caught:
        read_results(tmp_path / "results.json")
    version = document["schema_version"]
    expected = f"schema version {version}; audit again with this version: {COMMAND}"
    assert str(caught.value).endswith(expected)
    assert "\n" not in str(caught.value)


def test_a_changed_number_of_an_old_document_is_found_out(tmp_path: Path) -> None:
    document = json.loads(OLD.read_bytes())
    document["performance"]["accuracy"]["value"] = 0.99
    (tmp_path / "results.json").write_text(json.dumps(document))
    with pytest.raises(InputRefused, match=r"results that agree with themselves: performance\.accuracy"):
        read_results(tmp_path / "results.json")


def test_a_document_of_this_version_is_not_taken_for_an_older_one(tmp_path: Path) -> None:
    text = to_json(synthetic_results(images=False)).replace('"better": "lower"', '"better": "smaller"')
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(InputRefused, match=r"better: Input should be 'lower', 'higher', 'near' or 'none'"):
        read_results(tmp_path / "results.json")
