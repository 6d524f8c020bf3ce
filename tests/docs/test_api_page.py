"""docs/api.md: every block runs, in order, and every public name stands on it."""

from __future__ import annotations

import doctest
import inspect
import re
import shutil
from pathlib import Path

import pytest

import auditor
from auditor import errors
from tests.cli.command import DIGITS_CNN, REPOSITORY

PAGE = (REPOSITORY / "docs" / "api.md").read_text("utf-8")
BLOCKS = [(found.start(), found[1]) for found in re.finditer(r"^```python\n(.*?)^```", PAGE, re.M | re.S)]


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one namespace; one that begins with a prompt shows what it returns."""
    shutil.copy(DIGITS_CNN.with_name("digits_fcn.onnx"), tmp_path / "model.onnx")
    shutil.copy(DIGITS_CNN, tmp_path / "next.onnx")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    runner = doctest.DocTestRunner()
    for start, block in BLOCKS:
        line = PAGE.count("\n", 0, start) + 1
        if block.startswith(">>>"):
            test = doctest.DocTestParser().get_doctest(block, names, "docs/api.md", "docs/api.md", line)
            assert runner.run(test, clear_globs=False).failed == 0, f"docs/api.md, line {line}"
        else:
            exec(compile("\n" * line + block, "docs/api.md", "exec"), names)
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.onnx", "next.onnx", "accepted", "report.html", "gated.html", "compare.html", "summary.md",
    }  # fmt: skip
    for page in ("report.html", "gated.html", "compare.html"):
        assert (tmp_path / page).read_text("utf-8").startswith("<!doctype html>")


def test_every_public_name_stands_on_the_page() -> None:
    assert [name for name in auditor.__all__ if f"auditor.{name}" not in PAGE and f"`{name}`" not in PAGE] == []
    # What an object of the interface offers stands there as well.
    methods = [
        name
        for of in (auditor.Audit, auditor.Verdict, auditor.AuditComparison)
        for name, _ in inspect.getmembers(of)
        if not name.startswith("_")
    ]
    assert [name for name in methods if f".{name}" not in PAGE and f"`{name}" not in PAGE] == []


def test_the_errors_of_the_page_are_those_of_the_package() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d) \|", PAGE, re.M)
    assert {name: int(code) for name, code in rows} == {
        name: of.exit_code
        for name, of in vars(errors).items()
        if isinstance(of, type) and issubclass(of, errors.AuditError) and of is not errors.AuditError
    }
