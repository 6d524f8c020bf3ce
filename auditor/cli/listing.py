"""``list``: what the tool knows, from the registries, so that a plug-in shows up by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.api.progress import print_line
from auditor.documents.profiles import PROFILES
from auditor.registry import Registry


def print_known() -> None:
    """Every kind of plug-in with those that cannot be used, and the profiles, to standard output."""
    from auditor.boundary.base import generators
    from auditor.characteristics.base import characteristics
    from auditor.datasets.base import data_sources
    from auditor.models.base import model_formats
    from auditor.render.base import outputs
    from auditor.render.comparison.base import comparison_outputs

    _print("Model formats", model_formats, {name: _first_line(opener) for name, opener in model_formats.items()})
    _print("Data sets", data_sources, {name: source.summary for name, source in data_sources.items()})
    _print("Generators", generators, {name: kind.definition.summary for name, kind in generators.items()})
    measures = {
        (name, id): f"{definition.title} ({definition.unit}; {definition.direction})"
        for name, kind in characteristics.items()
        for id, definition in kind.definitions.items()
    }
    _print("Characteristics", characteristics, measures)
    for title, registry in (("Outputs", outputs), ("Outputs of a comparison", comparison_outputs)):
        _print(title, registry, {name: f"{one.file_name}: {one.summary}" for name, one in registry.items()})
    _print("Profiles", None, {name: profile.summary for name, profile in PROFILES.items()})
    kinds = (model_formats, data_sources, generators, characteristics, outputs, comparison_outputs)
    if broken := [one for kind in kinds for one in kind.broken]:
        print("Plug-ins that cannot be used")
        for one in broken:
            print_line(f"  {one}")
        print()


def _print(title: str, registry: Registry[Any] | None, lines: Mapping[Any, str]) -> None:
    """A section: a line for each entry, or for each (entry, measure), that says who brings it if that is a plug-in."""
    print(title)
    shown = [key if isinstance(key, tuple) else (key, key) for key in lines]
    width = max((len(name) for _, name in shown), default=0)
    for (entry, name), text in zip(shown, lines.values(), strict=True):
        source = registry.source(entry) if registry else None
        print_line(f"  {name:<{width}}  {text}{f' [{source}]' if source else ''}")
    print()


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]
