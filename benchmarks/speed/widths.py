"""Intervals of two audits of one model side by side: how much wider the new ones are, measure by measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

SUCCESS = "generation.success_rate"
Place = tuple[int, ...]


@dataclass(frozen=True)
class Wider:
    """New width over old width of a measure's intervals.

    Args:
        measure: its name.
        places: pairs or directions that have an interval of some width in both audits.
        lost: those that have one in the old audit alone.
        middle, worst: median and largest ratio.
    """

    measure: str
    places: int
    lost: int
    middle: float
    worst: float

    def __str__(self) -> str:
        lost = f", lost in {self.lost}" if self.lost else ""
        return f"{self.middle:.2f} times in the middle of {self.places} places, {self.worst:.2f} at most{lost}"


def wider(new: dict[str, Any], old: dict[str, Any]) -> list[Wider]:
    """The measures that a first policy uses, over the pairs that both results have.

    Args:
        new, old: results.json, of whatever version.
    """
    rows = []
    for measure in _of_a_first_policy(new):
        news, olds = dict(_widths(new, measure)), dict(_widths(old, measure))
        places = [place for place, width in olds.items() if width and place in news]
        ratios = [width / olds[place] for place in places if (width := news[place]) is not None]
        if places:
            lost, worst = len(places) - len(ratios), max(ratios, default=0.0)
            rows.append(Wider(measure, len(ratios), lost, median(ratios or [0.0]), worst))
    return rows


def _of_a_first_policy(results: dict[str, Any]) -> Iterator[str]:
    """Names of measures; those of the whole model do not depend on the pairs' audit."""
    yield SUCCESS
    for id, definition in results["definitions"].items():
        if (definition["headline"] or id == results["summary"]["ranked_by"]) and definition["better"] in (
            "higher", "lower",
        ):  # fmt: skip
            yield id


def _widths(results: dict[str, Any], measure: str) -> Iterator[tuple[Place, float | None]]:
    for pair in results["pairs"]:
        if measure in pair["characteristics"]:
            yield tuple(pair["classes"]), _width(pair["characteristics"][measure])
        for direction in pair["directions"]:
            place = (direction["source"], direction["target"])
            generation, characteristics = direction["generation"], direction["characteristics"]
            found = generation["success_rate"] if measure == SUCCESS else characteristics.get(measure)
            if found is not None:
                yield place, _width(found)


def _width(measure: dict[str, Any]) -> float | None:
    low, high = measure.get("ci_low"), measure.get("ci_high")
    return None if low is None or high is None else high - low
