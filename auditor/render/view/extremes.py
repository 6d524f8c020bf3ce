"""Superlatives that the numbers bear out: a place is the closest, the largest, the most folded only where its interval
is apart from the runner-up's; else it is one of so many that cannot be told apart.

Every page that ranks places asks ``extreme`` and says what its ``Extreme`` allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.documents.results import Measure, harm, is_neutral
from auditor.render.rounding import count
from auditor.render.view.audit import Audit, Found

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


def extreme(found: Sequence[Found], direction: str) -> Extreme | None:
    """The least favourable of some places, and those that cannot be told apart from it.

    Args:
        found: places with their measure.
        direction: how the measure reads, as in its definition.
    Returns:
        None without a place, or for a measure of which neither end is better.
    """
    if not found or is_neutral(direction):
        return None
    first, *others = sorted(found, key=lambda f: -harm(direction, f.measure.value))
    return Extreme(first, [f for f in others if overlap(direction, first.measure, f.measure)], len(found))


def closest_pair(audit: Audit) -> Extreme | None:
    """The pair that the ranking puts first, each pair by its less favourable direction."""
    definition = audit.rank_definition
    if definition is None:
        return None
    nearer = [audit.nearer(pair) for pair in audit.ranked]
    return extreme([f for f in nearer if f is not None], definition.direction)


def overlap(direction: str, one: Measure, other: Measure) -> bool:
    """Whether the intervals of two measures meet, on the scale of how unfavourable a value is."""
    (low, high), (other_low, other_high) = harm_ends(direction, one), harm_ends(direction, other)
    return low <= other_high and other_low <= high


def harm_ends(direction: str, measure: Measure) -> Ends:
    """The interval of a measure as an interval of harm; ``near 0.5 is ...`` folds it at 0.5."""
    low, high = measure.low, measure.high
    ends = sorted((harm(direction, low), harm(direction, high)))
    words = direction.split()
    if words[:1] == ["near"] and len(words) > 1 and low <= float(words[1]) <= high:
        ends[0] = 0.0
    return ends[0], ends[1]
