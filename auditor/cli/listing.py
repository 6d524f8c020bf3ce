"""``list``: what the tool knows, from the registries, so that a plug-in shows up by itself."""

from __future__ import annotations

import sys

from auditor.cli.terminal import print_line
from auditor.documents.profiles import PROFILES


def print_known() -> None:
    """Data sets, generators, characteristics, outputs and profiles, to standard output."""
    from auditor.boundary.base import generators
    from auditor.characteristics.base import characteristics
    from auditor.datasets.base import data_sources
    from auditor.models.base import model_formats
    from auditor.render.base import outputs

    _print("Model formats", {name: _first_line(opener) for name, opener in model_formats.items()})
    _print("Data sets", {name: source.summary for name, source in data_sources.items()})
    _print("Generators", {name: _first_line(sys.modules[kind.__module__]) for name, kind in generators.items()})
    measures = {
        id: f"{definition.title} ({definition.unit}; {definition.direction})"
        for _, kind in characteristics.items()
        for id, definition in kind.definitions.items()
    }
    _print("Characteristics", measures)
    _print("Outputs", {name: f"{output.file_name}: {output.summary}" for name, output in outputs.items()})
    _print("Profiles", {name: profile.summary for name, profile in PROFILES.items()})


def _print(title: str, lines: dict[str, str]) -> None:
    print(title)
    width = max(map(len, lines), default=0)
    for name, text in lines.items():
        print_line(f"  {name:<{width}}  {text}")
    print()


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]
