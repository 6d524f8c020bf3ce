"""The mean of a measure over directions or pairs, with the interval that their common samples allow.

The mean is over these very places, so its interval says what other samples and seeds would change, not how much the
places differ. It comes from the interval of each number; h is the distance from a value to an end:

    h of the mean = sqrt(sum over p, q of r_pq h_p h_q) / count

r_pq is 1 for p = q and 0 for numbers that rest on other samples. Directions from one class start from the same
samples: there r is 1 at most, and for margins the correlation that the single samples show. The same holds for whole
pairs, and for what embeddings say, of any two that share a class. Report and gate state the same mean.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import combinations
from statistics import correlation, median_low
from typing import Literal

from auditor.documents.results import Definition, Pair
from auditor.numbers.intervals import Classes, Interval

LEAST_COMMON = 12
"""Samples that two directions have to share before their correlation is taken from them."""


def mean_of_measure(
    pairs: Sequence[Pair], id: str, definition: Definition, measures: Mapping[Classes, Interval]
) -> Interval:
    """The mean of a characteristic over some of its places.

    Args:
        pairs: of the audit.
        id, definition: of the characteristic.
        measures: by place, at least one.
    """
    return mean_of(measures, by_source=is_by_source(id, definition), alike=sample_correlation(pairs, id))


def mean_change(id: str, definition: Definition, changes: Mapping[Classes, Interval]) -> Interval:
    """The mean of the changes of a characteristic over some of its places, as much alike as common samples allow."""
    return mean_of(changes, by_source=is_by_source(id, definition))


def is_by_source(id: str, definition: Definition) -> bool:
    """Whether values of a characteristic rest on common samples where their first class is the same, else any class."""
    return definition.scope == "direction" and not id.startswith("edc_")


def mean_of(measures: Mapping[Classes, Interval], *, by_source: bool, alike: float = 1.0) -> Interval:
    """The mean of numbers, one for each direction or pair; an end is open where any of theirs is.

    Args:
        by_source: whether numbers depend on each other where their first class is the same, else where any class is.
        alike: correlation of two that do, in [0, 1].
    """
    count = len(measures)
    mean = math.fsum(m.value for m in measures.values()) / count

    def half(reach: dict[Classes, float]) -> float:
        if math.inf in reach.values():
            return math.inf
        alone = math.fsum(h * h for h in reach.values())
        if by_source:
            together = _squared_sums(reach, lambda classes: classes[:1])
        else:  # two numbers of one pair were counted at both of its ends
            together = _squared_sums(reach, lambda classes: classes) - _squared_sums(
                reach, lambda c: (tuple(sorted(c)),)
            )
        return math.sqrt(max(alone, alike * together + (1 - alike) * alone)) / count

    below = half({classes: m.value - m.low for classes, m in measures.items()})
    above = half({classes: m.high - m.value for classes, m in measures.items()})
    return Interval(mean, mean - below, mean + above)


def _squared_sums(reach: Mapping[Classes, float], keys: Callable[[Classes], Iterable[Hashable]]) -> float:
    """Sum over groups of the squared sum within; a number may belong to several."""
    sums: dict[Hashable, float] = defaultdict(float)
    for classes, h in reach.items():
        for key in keys(classes):
            sums[key] += h
    return math.fsum(total * total for total in sums.values())


def sample_correlation(pairs: Sequence[Pair], id: str) -> float:
    """How alike two margins of one sample are: the correlation of lying below the median, over all pairs of targets.

    1 for measures that are no quantile of margins, and where too few samples are shared.
    """
    norm = next((norm for norm in ("l2", "linf") if id.startswith(f"margin_{norm}_attack")), None)
    if norm is None or id.endswith("_gap"):
        return 1.0
    split: Literal["train", "test"] = "train" if "_train" in id else "test"
    by_source: dict[int, list[dict[int, float]]] = defaultdict(list)
    for direction in (direction for pair in pairs for direction in pair.directions):
        if (margins := direction.margins.get(split)) is not None:
            values = margins.l2 if norm == "l2" else margins.linf
            far = (math.inf if value is None else value for value in values)
            by_source[direction.source].append(dict(zip(margins.index, far, strict=True)))
    found = [_alike(a, b) for same in by_source.values() for a, b in combinations(same, 2)]
    known = [r for r in found if r is not None]
    return min(1.0, max(0.0, math.fsum(known) / len(known))) if known else 1.0


def _alike(a: Mapping[int, float], b: Mapping[int, float]) -> float | None:
    """Correlation of "below the median" over the samples of both; None where it says nothing."""
    common = sorted(a.keys() & b.keys())
    if len(common) < LEAST_COMMON:
        return None
    below = []
    for side in (a, b):
        values = [side[index] for index in common]
        middle = median_low(values)
        below.append([float(value <= middle) for value in values])
    if any(len(set(side)) < 2 for side in below):
        return None
    return correlation(*below)
