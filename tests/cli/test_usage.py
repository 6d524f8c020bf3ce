"""Options that are wrong by themselves: exit code 2 and one line, before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor import __version__
from auditor.cli import main
from tests.cli.command import DIGITS_CNN

Output = pytest.CaptureFixture[str]


def error(capsys: Output) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("deepdig-audit: error: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "MODEL"),
        (["m.onnx"], "--data"),
        (["m.onnx", "--data", "digits", "--nothing"], "--nothing"),
        (["--data", "digits"], "MODEL"),
        (["m.onnx", "more.onnx", "--data", "digits"], "more.onnx"),
        (["m.onnx", "--data", "digits", "--seed", "one"], "--seed"),
        (["m.onnx", "--data", "digits", "--seed", "-1"], "--seed"),
        (["m.onnx", "--data", "digits", "--seed", str(2**32)], "--seed"),
        (["m.onnx", "--data", "digits", "--samples-per-class", "1"], "--samples-per-class"),
        (["m.onnx", "--data", "digits", "--max-skip", "1.5"], "--max-skip"),
        (["m.onnx", "--data", "digits", "--layout", "chw"], "--layout"),
        (["m.onnx", "--data", "digits", "--mean", "a,b"], "--mean"),
        (["m.onnx", "--data", "digits", "--mean", "nan"], "--mean"),
        (["m.onnx", "--data", "digits", "--std", "0"], "--std"),
        (["m.onnx", "--data", "digits", "--profile", "fast"], "quick, standard, thorough, paper"),
        (
            ["m.onnx", "--data", "digits", "--format", "html,docx"],
            "html, json, junit, markdown, pdf, sarif; found docx",
        ),
        (["m.onnx", "--data", "digits", "--format", ""], "--format"),
        (["m.onnx", "--data", "digits", "--expect-sha256", "abc"], "64 hexadecimal digits"),
        (["m.onnx", "--data", "digits", "--class-names", "a,a"], "--class-names"),
        (["m.onnx", "--data", "digits", "--class-names", "one"], "--class-names"),
        (["render"], "RESULTS.json"),
        (["render", "r.json", "--format", "docx"], "found docx"),
        (["inspect"], "MODEL"),
        (["list", "more"], "more"),
        # A model may be called like an option, after ``--``: what is wrong is said, and no help shown in place of it.
        (["--data", "digits", "--profile", "never", "--", "--help"], "found 'never'"),
        (["--data", "digits", "--profile", "never", "--", "--version"], "found 'never'"),
        (["--data", "digits", "--profile", "never", "--", "list"], "found 'never'"),
        (["--", "--help", "--data", "digits"], "--data"),
        (["--", "list"], "--data"),
        (["gate", "--policy", "p.toml", "--", "--help"], "p.toml"),
        (["", "--data", "digits"], "an empty name; give MODEL"),
        (["m.onnx", "--data", "digits", "--out", ""], "correct --out"),
        (["m.onnx", "--data", "digits", "--out", " "], "correct --out"),
        (["gate", "r.json", "--policy", "p.toml", "--out", ""], "correct --out"),
        (["render", "r.json", "--out", ""], "correct --out"),
        (["compare", "r.json", "r.json", "--out", ""], "correct --out"),
        (["init-policy", "r.json", "--out", ""], "correct --out"),
        (["init-policy", "r.json", "--out", "r.json", "--force"], "another file than the results"),
    ],
)
def test_bad_options(arguments: list[str], said: str, capsys: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert said in error(capsys)
    assert list(tmp_path.iterdir()) == []


def test_version_goes_to_standard_output(capsys: Output):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"deepdig-audit {__version__}\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("pears = 'all'", "found pears"),
        ("config = 'other.toml'", "found config"),
        ("model = 'other.onnx'", "found model"),
        ("pairs = ", "expected TOML"),
        ("seed = 'one'", "--seed"),
        ("[pairs]\na = 1", "pairs"),
        ("seed = 2026-11-24", "seed"),
        ("profile = 'fast'", "quick, standard"),
        ("seed = " + "9" * 5000, "expected TOML"),
        ("seed = " + "[" * 5000 + "]" * 5000, "expected TOML"),
    ],
)
def test_bad_configuration_files(content: str, said: str, capsys: Output, tmp_path: Path):
    file = tmp_path / "audit.toml"
    file.write_text(content)
    assert main(["m.onnx", "--data", "digits", "--config", str(file)]) == 2
    assert said in error(capsys)


def test_a_missing_configuration_file(capsys: Output, tmp_path: Path):
    assert main(["m.onnx", "--data", "digits", "--config", str(tmp_path / "none.toml")]) == 2
    assert "No such file" in error(capsys)


def test_a_folder_that_cannot_be_written_to_is_found_before_the_work(capsys: Output, tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert main([str(DIGITS_CNN), "--data", "digits", "--out", str(tmp_path / "file" / "out")]) == 4
    assert "name another with --out" in error(capsys)
