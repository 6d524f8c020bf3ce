"""examples/digits.ipynb: its cells run in order, and what it keeps of its last run names no machine."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

from tests.cli.command import REPOSITORY

FILE = REPOSITORY / "examples" / "digits.ipynb"
NOTEBOOK = json.loads(FILE.read_text("utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_its_cells_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As a notebook runs them: in one namespace, the last expression of a cell is shown."""
    monkeypatch.chdir(tmp_path)
    plt.switch_backend("agg")
    names: dict[str, Any] = {}
    for cell in CODE:
        tree = ast.parse(text(cell))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, str(FILE), "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), str(FILE), "eval"), names)
            if value is not None:
                assert value._repr_html_()
    assert (tmp_path / "report.html").stat().st_size
    assert names["verdict"].outcomes
    assert "exit code" in capsys.readouterr().out


def test_it_was_executed_in_order_and_shows_its_results() -> None:
    assert [cell["execution_count"] for cell in CODE] == [*range(1, len(CODE) + 1)]
    kinds = {kind for cell in CODE for output in cell["outputs"] for kind in output.get("data", {})}
    assert {"image/png", "text/html"} <= kinds
    assert not [output for cell in CODE for output in cell["outputs"] if output["output_type"] == "error"]


def test_it_is_small_and_names_no_machine() -> None:
    content = FILE.read_text("utf-8")
    assert len(content) < 1_000_000
    assert not re.search(
        r"(site-packages|/home/|/root|/work/|/tmp/|/Users/|[A-Z]:\\\\\\\\)\w",
        re.sub(r'"image/png": "[^"]*"', "", content),
    )
    for html in (
        "".join(o["data"]["text/html"]) for c in CODE for o in c["outputs"] if "text/html" in o.get("data", {})
    ):
        assert "<script" not in html
        assert len(html) < 300_000
