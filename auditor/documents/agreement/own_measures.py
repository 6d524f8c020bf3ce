"""What this tool's own measures and generators are, by id, without torch, which their registries take to import."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from auditor.documents.results import Definition


@cache
def own_measures() -> dict[str, dict[str, Any]]:
    """The key facts of every registered measure; ``definitions.json`` holds them, and a test compares it."""
    return _shipped("definitions.json")


@cache
def own_generators() -> dict[str, dict[str, Any]]:
    """The definition of every registered generator, as ``generators.json`` holds them."""
    return _shipped("generators.json")


def _shipped(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(files("auditor.documents").joinpath(name).read_text("utf-8"))
    return found


def key_facts(definition: Definition) -> dict[str, Any]:
    """What decides how a measure is judged: everything but its words."""
    return definition.model_dump(mode="json", include={"unit", "scale", "better", "ideal", "bounds", "scope"})
