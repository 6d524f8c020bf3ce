"""GitHub Actions: annotations and the step's summary only where the service is, and nothing that names can break."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.cli import main
from auditor.cli.github import command, commands
from auditor.documents.results import Results, to_json
from tests.render.gated import RULES, gated, hostile
from tests.render.sample_results import flagged, synthetic_results

Output = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "results.json").write_text(to_json(synthetic_results(images=False)))
    (tmp_path / "p.toml").write_text(RULES)
    return tmp_path


def test_errors_and_warnings_for_what_does_not_pass():
    found = list(commands(flagged(gated(), "warn", "few sources")))
    assert [line.split("::")[1] for line in found] == [
        "error title=gate performance.accuracy", "error title=gate characteristics.margin_l2_attack worst",
        "error title=gate characteristics.edc_train_distance_misclassified mean",
        "warning title=validity test", "warning title=gate warned",
    ]  # fmt: skip


@pytest.mark.parametrize("results", [gated(), hostile(), flagged(hostile(), "fail", "a\n::set-output name=x::y\r%0A")])
def test_a_command_is_one_line_whatever_the_names(results: Results):
    for line in commands(results):
        assert line.startswith(("::error title=", "::warning title="))
        assert line.isprintable()
    assert command("error", "t", "a\r\n::warning::b") == "::error title=t::a%0D%0A::warning::b"


@pytest.mark.parametrize(("value", "printed"), [("true", True), ("false", False), ("", False), (None, False)])
def test_annotations_only_inside_the_service(
    value: str | None, printed: bool, folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
):
    if value is not None:
        monkeypatch.setenv("GITHUB_ACTIONS", value)
    assert main(["gate", "results.json", "--policy", "p.toml"]) == 1
    assert ("::error " in capsys.readouterr().out) == printed
    assert main(["gate", "none.json", "--policy", "p.toml"]) == 3
    assert capsys.readouterr().out.startswith("::error title=deepdig-audit::expected") == printed


def test_the_summary_of_the_step_is_added_to(folder: Path, monkeypatch: pytest.MonkeyPatch):
    summary = folder / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert main(["gate", "results.json", "--policy", "p.toml", "--json"]) == 1
    assert main(["compare", "results.json", "results.json", "--format", "json", "--quiet"]) == 0
    text = summary.read_text("utf-8")
    assert text.startswith("before\n### Failed: ")
    assert "### No clear difference: " in text


def test_a_summary_that_cannot_be_written_changes_no_exit_code(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder))
    assert main(["gate", "results.json", "--policy", "p.toml"]) == 1
    assert "the step has no summary" in capsys.readouterr().err
