"""results.json of schema 2.0, in which unit and direction of a measure were sentences, as schema 3.0 has them.

What version 1 read out of these sentences is read out of them here once more, and nowhere else: the first words of a
direction, and whether a unit begins with ``share``. Generators, of which it said nothing, are as the tool knows them.
"""

from __future__ import annotations

from typing import Any

from auditor.documents.agreement.own_measures import own_generators
from auditor.documents.results import LIMIT_WORDS, SCHEMA_VERSION

OLDER = "2.0"
SCALES = {"share of steps": "rate", "ratio": "ratio", "ratio to unseen samples": "ratio"}
DISTANCES = ("L2, pixels in [0, 1]", "largest change of a pixel in [0, 1]")
RELATIVE = "relative difference"
"""Unit of an asymmetry, after which schema 2.0 named the measure."""


def upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """A document of schema 2.0 as one of the present version; not checked, and for none of another version.

    Raises:
        ValueError, LookupError, TypeError: it is none of schema 2.0.
    """
    directions = [direction for pair in document["pairs"] for direction in pair["directions"]]
    used = dict.fromkeys([document["settings"]["generator"], *(name for d in directions for name in d["baselines"])])
    generators = {name: own for name in used if (own := own_generators().get(name)) is not None}
    return _with_meanings(document) | {"schema_version": SCHEMA_VERSION, "generators": generators}


def _with_meanings(part: Any) -> Any:
    if isinstance(part, list):
        return [_with_meanings(entry) for entry in part]
    if not isinstance(part, dict):
        return part
    part = {key: _with_meanings(entry) for key, entry in part.items()}
    if isinstance(unit := part.get("unit"), str) and "kind" not in part:  # a series has a unit for its axis alone
        part |= {"unit": RELATIVE if unit.startswith(RELATIVE) else unit, "scale": scale_of(unit)}
        direction = part.pop("direction", None)
        if "formula" in part:
            part |= better_of(direction) | {"reading": direction}
        if "threshold" in part:
            words = next((key for key, words in LIMIT_WORDS.items() if part["threshold"].startswith(words)), None)
            part["key"] = words
    return part


def scale_of(unit: str) -> str:
    """The scale of a measure in this unit."""
    if unit in DISTANCES:
        return "distance"
    return SCALES.get(unit, "share" if unit.split()[:1] == ["share"] else "number")


def better_of(direction: object) -> dict[str, Any]:
    """What a direction says, as fields of a meaning.

    Raises:
        ValueError: it reads in no way that schema 2.0 knew.
    """
    match str(direction).split():
        case ["neither", "is", "better"]:
            return {"better": "none"}
        case ["near", ideal, _, *_]:
            return {"better": "near", "ideal": float(ideal)}
        case ["higher" | "lower" as better, "is", _, *_]:
            return {"better": better}
    raise ValueError(f"a direction that reads {str(direction)[:60]!r}")
