"""What this tool's own measures are, by id, without torch, which the registry that defines them takes to import."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from auditor.documents.results import Definition


@cache
def own_measures() -> dict[str, dict[str, Any]]:
    """The key facts of every registered measure; ``definitions.json`` holds them, and a test compares it."""
    text = files("auditor.documents").joinpath("definitions.json").read_text("utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


def key_facts(definition: Definition) -> dict[str, Any]:
    """What decides how a measure is judged: everything but its words."""
    return definition.model_dump(mode="json", include={"unit", "direction", "bounds", "scope"})
