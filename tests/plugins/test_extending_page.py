"""docs/extending.md: every hook and every argument is documented, and the examples are the files that the tests use."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from auditor import testing
from auditor.boundary.base import BoundaryInstances, DirectionTask, Generator
from auditor.characteristics.base import (
    Characteristic,
    ClassSamples,
    Evidence,
    Findings,
    PairCharacteristic,
    SampleMargins,
)
from auditor.datasets.base import DataRequest, RawData, Split, data_source, path_source
from auditor.documents.results import Definition, GeneratorDefinition, Plugin
from auditor.models.base import Backend, ModelInput, ModelOptions
from auditor.models.model_file import ModelFile
from auditor.plugin_registry import _registries
from auditor.render.base import Output, OutputOfPlace

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"^`(tests/plugins/\S+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
HOOKS = {
    "A characteristic": (
        Characteristic,
        PairCharacteristic,
        Evidence,
        Findings,
        ClassSamples,
        SampleMargins,
        Definition,
    ),
    "A generator": (Generator, DirectionTask, BoundaryInstances, GeneratorDefinition),
    "A model format": (Backend, ModelFile, ModelOptions, ModelInput),
    "A data set": (DataRequest, RawData, Split, data_source, path_source),
    "An output": (Output, OutputOfPlace),
    "What holds for every kind": (Plugin,),
}


def names(thing: Any) -> set[str]:
    """Fields of a document or dataclass; attributes, hooks and their arguments of a base class; those of a function."""
    if hasattr(thing, "model_fields"):
        return set(thing.model_fields)
    if is_dataclass(thing):
        return {field.name for field in fields(thing)}
    hooks = [thing]
    found = set[str]()
    if isinstance(thing, type):
        methods = {name: getattr(value, "__func__", value) for name, value in vars(thing).items()}
        named = {k: m for k, m in methods.items() if inspect.isfunction(m) and (k[0] != "_" or k == "_run")}
        found, hooks = {*inspect.get_annotations(thing), *named}, list(named.values())
    return found.union(*(inspect.signature(hook).parameters for hook in hooks)) - {"self", "cls"}


@pytest.mark.parametrize("section", HOOKS)
def test_every_hook_and_every_argument_is_documented(section: str) -> None:
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    said = set(
        re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))))
    )
    missing = {thing.__name__: sorted(names(thing) - said) for thing in HOOKS[section]}
    assert {name: lacking for name, lacking in missing.items() if lacking} == {}


def test_the_examples_are_the_files_that_are_tested() -> None:
    kept = {str(path.relative_to(ROOT)) for path in (ROOT / "tests/plugins/distributions").rglob("*.py")}
    assert {*kept, "tests/plugins/distributions/gap_slope/pyproject.toml"} == set(EXAMPLES)
    for path, text in EXAMPLES.items():
        assert (ROOT / path).read_text("utf-8") == text


def test_every_kind_and_every_check_is_in_a_table() -> None:
    groups = set(re.findall(r"^\| [\w ]+ \| `([\w.]+)` \|", PAGE, re.MULTILINE))
    assert groups <= {registry._group for registry in _registries}
    assert len(groups) == 5
    rows = dict(re.findall(r"^\| `(\w+)\(([\w, *]+)\)` \|", PAGE, re.MULTILINE))
    checks = {name: value for name, value in vars(testing).items() if name.startswith("check_")}
    assert set(rows) == set(checks)
    for name, arguments in rows.items():
        assert [a.strip(" *") for a in arguments.split(",")] == list(inspect.signature(checks[name]).parameters)
