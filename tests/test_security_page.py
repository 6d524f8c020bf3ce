"""docs/security.md names the tests that show its promises; they must exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / "security.md").read_text("utf-8"))


def test_it_names_tests() -> None:
    assert len(NAMED) >= 10


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_what_it_names_exists(file: str, name: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    assert not name or re.search(rf"^ *def {name}\(", text, re.MULTILINE)
