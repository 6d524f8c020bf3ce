"""What the tool can do, from the registries, so that a plug-in shows up by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from auditor.boundary.base import generators
from auditor.characteristics.base import characteristics
from auditor.datasets.base import data_sources
from auditor.documents.profiles import PROFILES
from auditor.models.base import model_formats
from auditor.plugin_registry import Registry
from auditor.render.base import comparison_outputs, outputs

TITLES = {
    "model_formats": "Model formats",
    "data_sets": "Data sets",
    "generators": "Generators",
    "characteristics": "Characteristics",
    "outputs": "Outputs",
    "comparison_outputs": "Outputs of a comparison",
    "profiles": "Profiles",
    "unusable_plugins": "Plug-ins that cannot be used",
}
"""What the kinds are called where a person reads them."""


def everything() -> dict[str, dict[str, str]]:
    """Every kind of plug-in with its entries, the profiles, and the plug-ins that cannot be used, by kind and name."""
    measures = {
        id: f"{definition.title} ({definition.unit}; {definition.reading}){_source(characteristics, name)}"
        for name, kind in characteristics.items()
        for id, definition in kind.definitions.items()
    }
    kinds = (model_formats, data_sources, generators, characteristics, outputs, comparison_outputs)
    broken = {f"{one.kind} {one.name}": str(one) for kind in kinds for one in kind.broken}
    return {
        "model_formats": _texts(model_formats, _what_it_opens),
        "data_sets": _texts(data_sources, lambda source: source.summary),
        "generators": _texts(generators, lambda kind: kind.definition.summary),
        "characteristics": measures,
        "outputs": _texts(outputs, lambda one: f"{one.file_name}: {one.summary}"),
        "comparison_outputs": _texts(comparison_outputs, lambda one: f"{one.file_name}: {one.summary}"),
        "profiles": {name: profile.summary for name, profile in PROFILES.items()},
        **({"unusable_plugins": broken} if broken else {}),
    }


def _what_it_opens(opener: Callable[..., object]) -> str:
    """The first line of a model format's docstring as a noun phrase, like the texts of the other kinds."""
    line = (opener.__doc__ or "").strip().split("\n")[0].removesuffix(".")
    return line.removeprefix("Open ")


def _texts(registry: Registry[Any], text: Any) -> dict[str, str]:
    return {name: f"{text(entry)}{_source(registry, name)}" for name, entry in registry.items()}


def _source(registry: Registry[Any], name: str) -> str:
    """Who brings an entry, if that is a plug-in."""
    source = registry.source(name)
    return f" [{source}]" if source else ""
