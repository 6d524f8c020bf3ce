"""``import auditor``: what it costs, what it offers, and that each name is explained and shown at work."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import auditor
from tests.cli.command import REPOSITORY, environment

IMPORT = """
import json, sys, time
before = set(sys.modules)
begin = time.process_time()
import auditor
seconds = time.process_time() - begin
print(json.dumps([seconds, sorted(set(sys.modules) - before)]))
"""
FRONT = ast.parse(Path(auditor.__file__).read_text("utf-8"))


def python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment(), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_import_is_quick_and_loads_nothing_of_others():
    """Best of five: the machine may be busy."""
    seconds, modules = min(json.loads(python("-c", IMPORT)) for _ in range(5))
    assert seconds < 0.05
    foreign = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - {"auditor"}
    assert foreign == set()
    assert [name for name in modules if name.startswith("auditor")] == ["auditor"]


def test_public_are_exactly_the_names_of_all():
    assert auditor.__all__ == sorted(set(auditor.__all__))
    assert dir(auditor) == sorted([*auditor.__all__, "__version__"])
    for name in auditor.__all__:
        assert getattr(auditor, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'evaluate'"):
        _ = auditor.evaluate  # type: ignore[attr-defined]


def test_a_type_checker_sees_the_same_names_at_the_same_places():
    (block,) = [node for node in FRONT.body if isinstance(node, ast.If)]
    seen = {a.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for a in node.names}
    assert sorted(seen) == auditor.__all__
    for name, home in seen.items():
        if name not in ("errors", "testing"):
            assert f"auditor.{next(h for h, names in auditor._HOMES.items() if name in names.split())}" == home


@pytest.fixture(scope="module")
def ran() -> dict[str, list[int]]:
    """How many lines of each name's example ran, and how many failed."""
    return json.loads(python(str(REPOSITORY / "tests" / "api" / "examples.py")))  # type: ignore[no-any-return]


def test_every_example_shows_what_it_says(ran: dict[str, list[int]]):
    assert {name: failed for name, (_, failed) in ran.items() if failed} == {}
    assert ran["auditor"][0] > 1


@pytest.mark.parametrize("name", auditor.__all__)
def test_every_public_name_is_explained_and_shown_at_work(name: str, ran: dict[str, list[int]]):
    """By an example of its own, by that of another name, or by a plug-in that the tests install and run."""
    thing = getattr(auditor, name)
    assert len((inspect.getdoc(thing) or "").split()) > 3
    if ran[name][0]:
        return
    others = [auditor, *(getattr(auditor, other) for other in auditor.__all__)]
    shown = "\n".join(inspect.getdoc(other) or "" for other in others)
    examples = "\n".join(re.findall(r"^(?:>>>|\.\.\.) .*", shown, re.M))
    files = [
        *REPOSITORY.glob("tests/plugins/distributions/*/*.py"),
        REPOSITORY / "auditor/characteristics/asymmetry.py",
    ]
    files = [
        *REPOSITORY.glob("tests/plugins/distributions/*/*.py"),
        REPOSITORY / "auditor/characteristics/asymmetry.py",
    ]
    plugins = "\n".join(file.read_text("utf-8") for file in files)
    assert re.search(rf"\bauditor\.{name}\b", examples) or re.search(rf"^[^#\n]*\b{name}\b", plugins, re.M)
