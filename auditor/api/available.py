"""What the tool can do, from the registries, so that a plug-in shows up by itself."""

from __future__ import annotations

from typing import Any

from auditor.boundary.base import generators
from auditor.characteristics.base import characteristics
from auditor.datasets.base import data_sources
from auditor.documents.profiles import PROFILES
from auditor.models.base import model_formats
from auditor.plugin_registry import Registry
from auditor.render.base import comparison_outputs, outputs


def everything() -> dict[str, dict[str, str]]:
    """Every kind of plug-in with its entries, the profiles, and the plug-ins that cannot be used, by title and name."""
    measures = {
        id: f"{definition.title} ({definition.unit}; {definition.reading}){_source(characteristics, name)}"
        for name, kind in characteristics.items()
        for id, definition in kind.definitions.items()
    }
    kinds = (model_formats, data_sources, generators, characteristics, outputs, comparison_outputs)
    broken = {f"{one.kind} {one.name}": str(one) for kind in kinds for one in kind.broken}
    return {
        "Model formats": _texts(model_formats, lambda opener: (opener.__doc__ or "").strip().split("\n")[0]),
        "Data sets": _texts(data_sources, lambda source: source.summary),
        "Generators": _texts(generators, lambda kind: kind.definition.summary),
        "Characteristics": measures,
        "Outputs": _texts(outputs, lambda one: f"{one.file_name}: {one.summary}"),
        "Outputs of a comparison": _texts(comparison_outputs, lambda one: f"{one.file_name}: {one.summary}"),
        "Profiles": {name: profile.summary for name, profile in PROFILES.items()},
        **({"Plug-ins that cannot be used": broken} if broken else {}),
    }


def _texts(registry: Registry[Any], text: Any) -> dict[str, str]:
    return {name: f"{text(entry)}{_source(registry, name)}" for name, entry in registry.items()}


def _source(registry: Registry[Any], name: str) -> str:
    """Who brings an entry, if that is a plug-in."""
    source = registry.source(name)
    return f" [{source}]" if source else ""
