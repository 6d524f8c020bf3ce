"""Cheap mistakes: told in one line that says what was meant, before torch, the model or the data are loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from auditor.api.early_checks import KNOWN_DATA, known_generators
from auditor.boundary.base import generators
from auditor.cli import main
from auditor.datasets.base import data_sources
from tests.cli.command import DIGITS_CNN, environment

Output = pytest.CaptureFixture[str]
AUDIT = [str(DIGITS_CNN), "--data", "digits"]


def test_the_names_that_are_known_without_loading_anything_are_those_of_the_registries():
    assert [name for name, source in data_sources.items() if source.known_name] == KNOWN_DATA
    assert generators.names() == known_generators()


MISTAKES: list[tuple[list[str], int, str]] = [
    (["inspct", "m.onnx"], 2, "found 'inspct'; did you mean inspect?"),
    (["rendr", "r.json"], 2, "did you mean render?"),
    (["init_policy", "r.json"], 2, "did you mean init-policy?"),
    ([*AUDIT, "--porfile", "quick"], 2, "No such option: --porfile; did you mean --profile?"),
    (["gate", "r.json", "--polcy", "p"], 2, "did you mean --policy?"),
    ([*AUDIT, "--format", "htm"], 2, "did you mean html?"),
    ([*AUDIT, "--generator", "depdig"], 2, "did you mean deepdig?"),
    ([*AUDIT, "--config", "c.toml"], 2, "did you mean profile?"),
    (["none.onnx", "--data", "digits"], 3, "no file at none.onnx; check the path"),
    (["inspect", "none.onnx"], 3, "no file at none.onnx"),
    ([AUDIT[0], "--data", "fashion-mnist"], 3, "did you mean fashionmnist? correct --data"),
    ([AUDIT[0], "--data", "CIFAR-10"], 3, "did you mean cifar10?"),
    ([AUDIT[0], "--data", "photographs/"], 3, "'photographs/', no such name, file or folder; correct --data"),
    ([*AUDIT, "--policy", "none.toml"], 2, "found none.toml: No such file"),
    ([*AUDIT, "--class-names", "names.txt"], 2, "found 1 names, and no file at names.txt"),
    ([*AUDIT, "--pairs", "3"], 2, "found '3'; correct --pairs"),
    ([*AUDIT, "--pairs", "3:"], 2, "found '3:'"),
    ([*AUDIT, "--pairs", "3:8,4-9"], 2, "found '4-9'"),
    ([*AUDIT, "--pairs", "cat:cat"], 2, "expected two different classes"),
    ([*AUDIT, "--mean", "0.5"], 2, "expected --std beside --mean"),
    ([*AUDIT, "--mean", "0.1,0.2,0.3", "--std", "1,1"], 2, "found 3 and 2"),
]


@pytest.mark.parametrize(("arguments", "status", "said"), MISTAKES)
def test_a_mistake(
    arguments: list[str], status: int, said: str, capsys: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text("profil = 'quick'")
    assert main(arguments) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert [path.name for path in tmp_path.iterdir()] == ["c.toml"]


def test_a_model_called_nearly_like_a_command_is_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("inspct").write_text("")
    assert main(["inspct", "--data", "digits"]) == 3
    assert main(["insp.onnx", "--data", "digits"]) == 3


EARLY = """
import sys
if sys.argv[1] == "without":
    sys.modules["weasyprint"] = None
from auditor.cli import main
status = main(sys.argv[2:])
assert "torch" not in sys.modules
sys.exit(status)
"""


def early(*arguments: str, folder: Path, weasyprint: bool = True) -> tuple[int, str]:
    command = [sys.executable, "-c", EARLY, "with" if weasyprint else "without", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    (line,) = done.stderr.splitlines()
    return done.returncode, line


def test_torch_is_not_loaded_for_it(tmp_path: Path):
    assert early(AUDIT[0], "--data", "digitz", folder=tmp_path)[0] == 3


def test_a_missing_pdf_library_is_told_before_the_audit(tmp_path: Path):
    status, line = early(*AUDIT, "--format", "pdf,html,json", folder=tmp_path, weasyprint=False)
    assert status == 2
    assert "expected WeasyPrint and its library Pango for the output pdf; found " in line
    assert "or leave pdf out: --format html,json" in line
    assert list(tmp_path.iterdir()) == []
