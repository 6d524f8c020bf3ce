"""From the pairs of all shards to the results: what can only be said of the audit as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from auditor.audit.pairs.assembly import without_samples
from auditor.documents.parts import FinishedPairs
from auditor.documents.results import Cost, Pair
from auditor.documents.summary import RANKED_BY, ranking


class Collected:
    """Finished pairs so far. Sample images are kept for those alone that can still be among the most fragile ones.

    Args:
        images: pairs that keep their images.
    """

    def __init__(self, images: int) -> None:
        self._images = images
        self._pairs: dict[tuple[int, int], Pair] = {}
        self.cost = Cost(forward=0, backward=0)

    def add(self, result: FinishedPairs) -> None:
        """Take in what a shard returned."""
        self._pairs |= {pair.classes: pair for pair in result.pairs}
        self.cost = sum_of([self.cost, result.cost])
        # Pairs only ever lose rank as others come in, whichever measure decides in the end.
        kept = {classes for by in RANKED_BY for classes in ranking(list(self._pairs.values()), by)[: self._images]}
        self._pairs = {c: pair if c in kept else without_samples(pair) for c, pair in self._pairs.items()}

    def pairs(self, ranked: Sequence[tuple[int, int]]) -> list[Pair]:
        """All pairs in order of their classes; images for the first of ``ranked`` only."""
        shown = set(ranked[: self._images])
        return [pair if c in shown else without_samples(pair) for c, pair in sorted(self._pairs.items())]


def sum_of(costs: Iterable[Cost]) -> Cost:
    """Costs added up."""
    listed = list(costs)
    return Cost(forward=sum(cost.forward for cost in listed), backward=sum(cost.backward for cost in listed))
