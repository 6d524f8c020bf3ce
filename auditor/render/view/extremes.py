"""Superlatives that the numbers bear out: a place is the closest, the largest, the most folded only where its interval
is apart from the runner-up's; else it is one of so many that cannot be told apart.

Every page that ranks places asks ``extreme`` and says what its ``Extreme`` allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.documents.results import Meaning, Measure
from auditor.render.rounding import count
from auditor.render.view.lookups import Audit, Found

Ends = tuple[float, float]


@dataclass(frozen=True)
class Extreme:
    """The place where a measure is at its extreme.

    Args:
        first: the place and its measure.
        tied: other places whose interval overlaps that of the first, nearest to it first.
        of: how many places were compared.
    """

    first: Found
    tied: list[Found]
    of: int

    @property
    def alone(self) -> bool:
        """Whether it is apart from every other place, and there is one."""
        return self.of > 1 and not self.tied

    @property
    def hidden(self) -> bool:
        """Whether nothing is apart from it, so that there is no extreme to speak of."""
        return len(self.tied) == self.of - 1

    def among(self, superlative: str, of: str = "") -> str:
        """What the place is, ``of`` which others: ``"the closest"``, or ``"one of 3 closest that ..."``.

        >>> Extreme(None, [None, None], 90).among("closest", " of 90 directions")
        'one of 3 closest of 90 directions that cannot be told apart'
        """
        if self.alone:
            return f"the {superlative}{of}"
        return f"one of {count(len(self.tied) + 1)} {superlative}{of} that cannot be told apart"


def extreme(found: Sequence[Found], meaning: Meaning | None) -> Extreme | None:
    """The least favourable of some places, and those that cannot be told apart from it.

    Args:
        found: places with their measure.
        meaning: how the measure reads, where that is known.
    Returns:
        None without a place or a meaning, or for a measure of which neither end is better.
    """
    if not found or meaning is None or meaning.better == "none":
        return None
    first, *others = sorted(found, key=lambda f: -meaning.badness(f.measure.value))
    return Extreme(first, [f for f in others if overlap(meaning, first.measure, f.measure)], len(found))


def closest_pair(audit: Audit) -> Extreme | None:
    """The pair that the ranking puts first, each pair by its less favourable direction."""
    nearer = [audit.nearer(pair) for pair in audit.ranked]
    return extreme([f for f in nearer if f is not None], audit.rank_definition)


def overlap(meaning: Meaning, one: Measure, other: Measure) -> bool:
    """Whether the intervals of two measures meet, on the scale of how unfavourable a value is."""
    (low, high), (other_low, other_high) = badness_ends(meaning, one), badness_ends(meaning, other)
    return low <= other_high and other_low <= high


def badness_ends(meaning: Meaning, measure: Measure) -> Ends:
    """The interval of a measure as an interval of badness; an ideal value folds it there."""
    low, high = sorted((meaning.badness(measure.low), meaning.badness(measure.high)))
    return (0.0 if meaning.ideal is not None and measure.low <= meaning.ideal <= measure.high else low), high
