"""Pages that promise something name the tests that show it; these must exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("ci", "container", "data", "policy", "supply-chain")
NAMED = [
    (page, file, name)
    for page in PAGES
    for file, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / f"{page}.md").read_text("utf-8"))
]


@pytest.mark.parametrize("page", PAGES)
def test_every_promise_names_its_tests(page: str):
    rows = (ROOT / "docs" / f"{page}.md").read_text("utf-8").partition("| promise | shown by |\n|---|---|\n")[2]
    promises = rows.partition("\n\n")[0].splitlines()
    assert len(promises) >= 5
    assert all("`tests/" in promise for promise in promises)


@pytest.mark.parametrize(("page", "file", "name"), NAMED)
def test_what_a_page_names_exists(page: str, file: str, name: str):
    text = (ROOT / file).read_text("utf-8")
    assert not name or re.search(rf"^ *def {name}\(", text, re.MULTILINE)
