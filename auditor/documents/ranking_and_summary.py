"""Over all audited pairs: the mean of every measure with its interval, where it is worst, which pairs are fragile.

The mean is over these very pairs, see ``auditor.documents.means_over_pairs``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.documents.means_over_pairs import mean_of_measure
from auditor.documents.pair_outcomes import PairOutcome
from auditor.documents.results import (
    Definition,
    Measure,
    NotMeasured,
    Pair,
    Summary,
    SummaryMeasure,
    Worst,
)
from auditor.numbers.class_pairs import ClassPair

RANKED_BY = ("margin_l2_attack",)
"""A pair is as fragile as the nearer of its two directions; the first measure that any pair has decides."""


def summarise(pairs: Sequence[Pair], definitions: dict[str, Definition]) -> Summary:
    """Summary over all directions, or pairs for measures of a pair."""
    ranked_by = next((id for id in RANKED_BY if any(_smallest(pair, id) is not None for pair in pairs)), RANKED_BY[-1])
    return Summary(
        characteristics={id: _over_all(pairs, id, definition) for id, definition in definitions.items()},
        ranking=ranking(pairs, ranked_by),
        ranked_by=ranked_by,
    )


def ranking(pairs: Sequence[Pair | PairOutcome], ranked_by: str) -> list[ClassPair]:
    """Classes of the pairs from most to least fragile; pairs without the measure come last, in their order."""

    def key(pair: Pair | PairOutcome) -> tuple[bool, float]:
        smallest = _smallest(pair, ranked_by)
        return smallest is None, smallest or 0.0

    return [pair.classes for pair in sorted(pairs, key=key)]


def _smallest(pair: Pair | PairOutcome, id: str) -> float | None:
    measures = (direction.characteristics.get(id) for direction in pair.directions)
    return min((m.value for m in measures if isinstance(m, Measure)), default=None)


def _over_all(pairs: Sequence[Pair], id: str, definition: Definition) -> SummaryMeasure | NotMeasured:
    measures = list(_measures(pairs, id, definition))
    if not measures:
        return NotMeasured(not_measured="no pair has this measure; each says why")
    mean = mean_of_measure(pairs, id, definition, {classes: measure.interval for classes, measure in measures})
    low, high = mean.ends
    classes, measure = max(measures, key=lambda item: definition.badness(item[1].value))
    return SummaryMeasure(
        mean=mean.value,
        ci_low=low,
        ci_high=high,
        worst=None if definition.better == "none" else Worst(classes=classes, value=measure.value),
    )


def _measures(pairs: Sequence[Pair], id: str, definition: Definition) -> Iterator[tuple[ClassPair, Measure]]:
    for pair in pairs:
        holders = [(pair.classes, pair.characteristics)]
        if definition.scope == "direction":
            holders = [((d.source, d.target), d.characteristics) for d in pair.directions]
        for classes, characteristics in holders:
            if isinstance(measure := characteristics.get(id), Measure):
                yield classes, measure
