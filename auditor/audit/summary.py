"""Over all pairs: the mean of every measure with its interval, where it is worst, and which pairs are fragile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from auditor.audit.pairs import Pair as Classes
from auditor.audit.seeds import generator_for
from auditor.functional.statistics import Estimate, bootstrap_mean
from auditor.results import Definition, Measure, NotMeasured, Pair, Summary, SummaryMeasure, Worst, harm

RANKED_BY = ("margin_l2_attack",)
"""A pair is as fragile as the nearer of its two directions; the first measure that any pair has decides."""


def summarise(pairs: Sequence[Pair], definitions: dict[str, Definition], seed: int) -> Summary:
    """Summary over all directions, or pairs for measures of a pair."""
    ranked_by = next((id for id in RANKED_BY if any(_smallest(pair, id) is not None for pair in pairs)), RANKED_BY[-1])
    return Summary(
        characteristics={id: _over_all(pairs, id, definition, seed) for id, definition in definitions.items()},
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


def _over_all(pairs: Sequence[Pair], id: str, definition: Definition, seed: int) -> SummaryMeasure | NotMeasured:
    found = list(_measures(pairs, id, definition))
    if not found:
        return NotMeasured(not_measured="no pair has this measure; each says why")
    if len(found) == 1:  # nothing to resample: the measure's own interval is what is known
        only = found[0][1]
        estimate = Estimate(only.value, only.ci_low, only.ci_high)
    else:
        values = torch.tensor([measure.value for _, measure in found], dtype=torch.float64)
        estimate = bootstrap_mean(values, rng=generator_for(seed, "summary", id))
    classes, measure = max(found, key=lambda item: harm(definition.direction, item[1].value))
    return SummaryMeasure(
        mean=estimate.value,
        ci_low=estimate.low,
        ci_high=estimate.high,
        worst=Worst(classes=classes, value=measure.value),
    )


def _measures(pairs: Sequence[Pair], id: str, definition: Definition) -> Iterator[tuple[Classes, Measure]]:
    for pair in pairs:
        holders = [(pair.classes, pair.characteristics)]
        if definition.scope == "direction":
            holders = [((d.source, d.target), d.characteristics) for d in pair.directions]
        for classes, characteristics in holders:
            if isinstance(measure := characteristics.get(id), Measure):
                yield classes, measure
