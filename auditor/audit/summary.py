"""Over all audited pairs: the mean of every measure with its interval, where it is worst, which pairs are fragile.

The mean is over these very pairs, so its interval says what other samples and seeds would change, not how much the
pairs differ. It comes from the interval of each number; h is the distance from a value to an end:

    h of the mean = sqrt(sum over p, q of r_pq h_p h_q) / count

r_pq is 1 for p = q and 0 for numbers that rest on other samples. Directions from one class start from the same
samples: there r is 1 at most, and for margins the correlation that the single samples show. The same holds for whole
pairs, and for what embeddings say, of any two that share a class.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Literal

import torch

from auditor.audit.pairs import Pair as Classes
from auditor.functional.statistics import Estimate
from auditor.results import (
    Definition,
    Measure,
    NotMeasured,
    Pair,
    Summary,
    SummaryMeasure,
    Worst,
    harm,
    is_neutral,
)

RANKED_BY = ("margin_l2_attack",)
"""A pair is as fragile as the nearer of its two directions; the first measure that any pair has decides."""
LEAST_COMMON = 12
"""Samples that two directions have to share before their correlation is taken from them."""


def summarise(pairs: Sequence[Pair], definitions: dict[str, Definition]) -> Summary:
    """Summary over all directions, or pairs for measures of a pair."""
    ranked_by = next((id for id in RANKED_BY if any(_smallest(pair, id) is not None for pair in pairs)), RANKED_BY[-1])
    return Summary(
        characteristics={id: _over_all(pairs, id, definition) for id, definition in definitions.items()},
        ranking=ranking(pairs, ranked_by),
        ranked_by=ranked_by,
    )


def ranking(pairs: Sequence[Pair], ranked_by: str) -> list[Classes]:
    """Classes of the pairs from most to least fragile; pairs without the measure come last, in their order."""

    def key(pair: Pair) -> tuple[bool, float]:
        smallest = _smallest(pair, ranked_by)
        return smallest is None, smallest or 0.0

    return [pair.classes for pair in sorted(pairs, key=key)]


def _smallest(pair: Pair, id: str) -> float | None:
    measures = (direction.characteristics.get(id) for direction in pair.directions)
    return min((m.value for m in measures if isinstance(m, Measure)), default=None)


def _over_all(pairs: Sequence[Pair], id: str, definition: Definition) -> SummaryMeasure | NotMeasured:
    measures = list(_measures(pairs, id, definition))
    if not measures:
        return NotMeasured(not_measured="no pair has this measure; each says why")
    by_source = definition.scope == "direction" and not id.startswith("edc_")
    estimate = mean_of(dict(measures), by_source=by_source, correlation=_of_samples(pairs, id))
    classes, measure = max(measures, key=lambda item: harm(definition.direction, item[1].value))
    return SummaryMeasure(
        mean=estimate.value,
        ci_low=estimate.low,
        ci_high=estimate.high,
        worst=None if is_neutral(definition.direction) else Worst(classes=classes, value=measure.value),
    )


def mean_of(measures: Mapping[Classes, Measure], *, by_source: bool, correlation: float = 1.0) -> Estimate:
    """The mean of numbers, one for each direction or pair; an end is open where any of theirs is.

    Args:
        by_source: whether numbers depend on each other where their first class is the same, else where any class is.
        correlation: of two that do, in [0, 1].
    """
    count = len(measures)
    mean = math.fsum(m.value for m in measures.values()) / count

    def half(reach: dict[Classes, float]) -> float | None:
        if math.inf in reach.values():
            return None
        alone = math.fsum(h * h for h in reach.values())
        if by_source:
            together = _squared_sums(reach, lambda classes: classes[:1])
        else:  # two numbers of one pair were counted at both of its ends
            together = _squared_sums(reach, lambda classes: classes) - _squared_sums(
                reach, lambda c: (tuple(sorted(c)),)
            )
        return math.sqrt(max(alone, correlation * together + (1 - correlation) * alone)) / count

    below = half({classes: m.value - m.low for classes, m in measures.items()})
    above = half({classes: m.high - m.value for classes, m in measures.items()})
    return Estimate(mean, None if below is None else mean - below, None if above is None else mean + above)


def _squared_sums(reach: Mapping[Classes, float], keys: Callable[[Classes], Iterable[Hashable]]) -> float:
    """Sum over groups of the squared sum within; a number may belong to several."""
    sums: dict[Hashable, float] = defaultdict(float)
    for classes, h in reach.items():
        for key in keys(classes):
            sums[key] += h
    return math.fsum(total * total for total in sums.values())


def _of_samples(pairs: Sequence[Pair], id: str) -> float:
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
    both = torch.tensor([[side[index] for index in common] for side in (a, b)], dtype=torch.float64)
    below = (both <= both.median(dim=1, keepdim=True).values).double()
    return float(below.corrcoef()[0, 1]) if bool((below.std(dim=1) > 0).all()) else None


def _measures(pairs: Sequence[Pair], id: str, definition: Definition) -> Iterator[tuple[Classes, Measure]]:
    for pair in pairs:
        holders = [(pair.classes, pair.characteristics)]
        if definition.scope == "direction":
            holders = [((d.source, d.target), d.characteristics) for d in pair.directions]
        for classes, characteristics in holders:
            if isinstance(measure := characteristics.get(id), Measure):
                yield classes, measure
