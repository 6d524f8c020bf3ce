"""What an earlier run left in --out: the tool's own goes whatever the end, the user's own is never touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.api.output_folder import OF_A_COMPARISON, OF_AN_AUDIT, strange
from auditor.cli import main
from auditor.render.base import comparison_outputs, outputs
from tests.cli.command import DIGITS_CNN, Done

PASSES = "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.1\n"
FAILS = "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.9999\n"
COMPARES = "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmax_decrease = 0.5\n"
VERDICTS = ["junit.xml", "report.html", "results.sarif", "summary.md"]


@pytest.fixture(scope="module")
def everything(audit: tuple[Path, Done], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of every output of an audit that passed its gate, and of a comparison."""
    folder = tmp_path_factory.mktemp("everything") / "out"
    shutil.copytree(audit[0] / "audit-digits_cnn", folder)
    policy = folder.parent / "passes.toml"
    policy.write_text(PASSES)
    results = str(folder / "results.json")
    named = ",".join(outputs.names())
    assert main(["gate", results, "--policy", str(policy), "--out", str(folder), "--format", named]) == 0
    compared = ",".join(comparison_outputs.names())
    assert main(["compare", results, results, "--out", str(folder), "--format", compared, "--quiet"]) == 0
    return folder


@pytest.fixture
def out(everything: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, ``out`` in the working folder, beside two policies; without PDF, which takes long to make again."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(everything, tmp_path / "out", ignore=shutil.ignore_patterns("*.pdf"))
    (tmp_path / "passes.toml").write_text(PASSES)
    (tmp_path / "fails.toml").write_text(FAILS)
    (tmp_path / "compares.toml").write_text(COMPARES)
    return tmp_path / "out"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def error(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    return line


def test_every_output_is_known_as_the_tools_own(everything: Path) -> None:
    of_audit = {output.file_name for _, output in outputs.items()} | {"run.json"}
    assert set(OF_AN_AUDIT) == of_audit
    assert set(OF_A_COMPARISON) == {output.file_name for _, output in comparison_outputs.items()}
    for name in [*OF_AN_AUDIT, *OF_A_COMPARISON, "instances/3-8.npz"]:
        assert strange(everything / name) == "", name


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("none.onnx --data digits", 3),
        ("passes.toml --data digits", 3),
        ("none.onnx --data digits --profile never", 2),
        ("none.onnx --data digits --format never", 2),
        ("none.onnx --data digits --policy none.toml", 2),
        ("none.onnx --data digits --policy compares.toml --baseline none.json", 3),
        ("none.onnx --data digits --time-budget 0", 2),
    ],
)
def test_an_audit_that_does_not_end_well_leaves_no_earlier_verdict(arguments: str, status: int, out: Path) -> None:
    (out / "mine.txt").write_text("mine")
    (out / "instances" / "mine.npz").write_text("mine")
    assert main([*arguments.split(), "--out", "out", "--quiet"]) == status
    assert set(names(out)) <= {"instances", "mine.txt"}
    if status == 3 and "baseline" not in arguments:  # the work had begun
        assert names(out / "instances") == ["mine.npz"]


def test_another_audit_leaves_nothing_of_the_one_before(out: Path) -> None:
    audit = [str(DIGITS_CNN), "--data", "digits", "--pairs", "0:1", "--profile", "quick", "--samples-per-class", "8"]
    assert main([*audit, "--out", "out", "--format", "json", "--save-instances", "--quiet"]) == 0
    assert names(out) == ["instances", "results.json", "run.json"]
    assert names(out / "instances") == ["0-1.npz", "1-0.npz"]


def test_another_decision_is_that_of_every_file_beside_the_results(out: Path) -> None:
    assert "Passed" in (out / "summary.md").read_text()
    assert main(["gate", "out/results.json", "--policy", "fails.toml", "--out", "out"]) == 1
    assert json.loads((out / "results.json").read_text())["gate"]["status"] == "failed"
    assert "### Failed" in (out / "summary.md").read_text()
    assert 'failures="0"' not in (out / "junit.xml").read_text().splitlines()[1]
    assert set(VERDICTS) <= set(names(out))
    assert "samples.csv" in names(out)
    assert "compare.json" in names(out)


@pytest.mark.parametrize(
    ("policy", "status"), [("none.toml", 2), ("never.toml", 2), ("compares.toml --baseline none.json", 3)]
)
def test_a_decision_that_cannot_be_made_leaves_none(policy: str, status: int, out: Path) -> None:
    Path("never.toml").write_text("version = 1\n[[rules]]\nmeasure = 'never'\nmin = 0.1\n")
    given = ["gate", "out/results.json", "--policy", *policy.split(), "--out"]
    shutil.copytree(out, "other")
    assert main([*given, "other"]) == status
    assert names(Path("other")) == ["instances"]
    assert main([*given, "out"]) == status
    assert json.loads((out / "results.json").read_text())["gate"]["status"] == "failed"
    assert "### Failed" in (out / "summary.md").read_text()


def test_a_decision_elsewhere_leaves_nothing_of_the_one_before(out: Path) -> None:
    shutil.copytree(out, "other")
    given = ["gate", "out/results.json", "--policy", "fails.toml", "--out", "other", "--format", "junit"]
    assert main(given) == 1
    assert names(Path("other")) == ["instances", "junit.xml", "results.json"]


def test_what_is_rendered_beside_results_is_of_these_results(out: Path) -> None:
    results = json.loads((out / "results.json").read_text())
    results["gate"] = {"status": "not_configured", "rules": []}
    (out / "results.json").write_text(json.dumps(results))
    assert main(["render", "out/results.json", "--format", "markdown", "--quiet"]) == 0
    assert "### No gate" in (out / "summary.md").read_text()
    assert "The model passes the gate" not in (out / "report.html").read_text()
    assert set(VERDICTS) <= set(names(out))


def test_a_rendering_that_fails_leaves_no_earlier_one(out: Path) -> None:
    (out / "results.json").write_text("{")
    assert main(["render", "out/results.json", "--format", "markdown", "--quiet"]) == 3
    assert not set(VERDICTS) & set(names(out))
    assert "results.json" in names(out)


def test_results_are_not_rendered_into_the_folder_of_others(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(out, "other")
    Path("other/results.json").write_text(Path("out/results.json").read_text() + " ")
    before = names(Path("other"))
    assert main(["render", "out/results.json", "--out", "other"]) == 2
    assert "expected a folder without other results; found other/results.json" in error(capsys)
    assert names(Path("other")) == before


def test_a_comparison_that_fails_leaves_no_earlier_one(out: Path) -> None:
    assert main(["compare", "out/results.json", "none.json", "--out", "out"]) == 3
    assert not set(OF_A_COMPARISON) & set(names(out))
    assert set(OF_AN_AUDIT) - {"report.pdf"} <= set(names(out))


AUDIT = "{cnn} --data digits --out out"
COMMANDS = {
    "audit": AUDIT,
    "gate": "gate r.json --policy passes.toml --out out",
    "render": "render r.json --out out",
    "compare": "compare r.json r.json --out out",
}


def given(command: str) -> list[str]:
    return [part.format(cnn=DIGITS_CNN) for part in command.split()]


def folder(path: Path) -> None:
    path.mkdir()
    (path / "mine").write_text("mine")


def link(path: Path) -> None:
    Path("target").write_text("mine")
    path.symlink_to(Path("target").absolute())


KINDS: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_text("mine"),
    "empty": lambda path: path.write_text(""),
    "folder": folder,
    "link": link,
    "dangling link": lambda path: path.symlink_to("nowhere"),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("name", ["report.html", "report.pdf", "junit.xml", "summary.md", "samples.csv", "results.json",
                                  "compare.json", "compare.pdf"])  # fmt: skip
def test_a_file_that_is_not_the_tools_own_is_not_touched(
    name: str, kind: Callable[[Path], object], out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.move(out / "results.json", "r.json")
    shutil.rmtree(out)
    out.mkdir()
    kind(out / name)
    before = [(path.name, path.lstat().st_ino, path.lstat().st_mtime_ns) for path in out.rglob("*")]
    for command, line in COMMANDS.items():
        if name.startswith("compare") == (command == "compare") or command in ("audit", "gate"):
            assert main([*given(line), "--quiet"] if command != "gate" else given(line)) == 2, command
            assert name in error(capsys)
            assert [(path.name, path.lstat().st_ino, path.lstat().st_mtime_ns) for path in out.rglob("*")] == before
    assert not Path("nowhere").exists()
    assert not Path("out/nowhere").exists()


@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_a_linked_folder_of_instances_is_not_written_through(
    target: str, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(out / "instances")
    Path("elsewhere").mkdir()
    (out / "instances").symlink_to(Path(target).absolute())
    assert main([*given(AUDIT), "--save-instances"]) == 2
    assert "instances, a link, which is not followed" in error(capsys)
    assert list(Path("elsewhere").iterdir()) == []
    assert not Path("nowhere").exists()


@pytest.mark.parametrize(
    ("name", "content", "arguments"),
    [
        ("audit.journal", None, "{place} --data digits"),
        ("results.json", None, "{place} --data digits"),
        ("report.html", PASSES, "{cnn} --data digits --policy {place}"),
        ("summary.md", 'data = "digits"', "{cnn} --data digits --config {place}"),
        ("junit.xml", "a\nb", "{cnn} --data digits --class-names {place}"),
        ("instances/3-8.npz", "x", "{cnn} --data {place}"),
        ("results.json", "as it was", "{cnn} --data digits --policy passes.toml --baseline {place}"),
        ("results.json", "as it was", "gate r.json --policy passes.toml --baseline {place}"),
        ("report.html", PASSES, "gate r.json --policy {place}"),
        ("compare.json", "{}", "compare r.json {place}"),
        ("compare.json", "{}", "compare {place} r.json"),
    ],
)
@pytest.mark.parametrize("way", ["out/../out/{}", "link.to"])
def test_a_file_that_the_command_reads_is_not_overwritten(
    name: str, content: str | None, arguments: str, way: str, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(out / "results.json", "r.json")
    place = out / name
    if content is None:
        shutil.copy(DIGITS_CNN, place)
    elif content != "as it was":
        place.write_text(content)
    before = place.read_bytes()
    Path("link.to").symlink_to(place)
    options = [part.format(place=way.format(name), cnn=DIGITS_CNN) for part in arguments.split()]
    assert main([*options, "--out", "out"]) == 2
    assert "in the place of an output, which would overwrite it" in error(capsys)
    assert place.read_bytes() == before


def test_a_policy_may_lie_in_the_output_folder(out: Path) -> None:
    shutil.copy("passes.toml", out / "policy.toml")
    for name in VERDICTS:
        (out / name).unlink()
    assert main(["gate", "out/results.json", "--policy", "out/policy.toml", "--out", "out"]) == 0
    assert (out / "policy.toml").read_text() == PASSES


def test_an_output_folder_may_be_a_link_to_one(out: Path) -> None:
    Path("named").symlink_to("out")
    assert main(["none.onnx", "--data", "digits", "--out", "named"]) == 3
    assert names(out) == ["instances"]
    Path("dangling").symlink_to("nowhere")
    assert main(["none.onnx", "--data", "digits", "--out", "dangling"]) == 4
    assert not Path("nowhere").exists()
