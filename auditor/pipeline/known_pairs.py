"""What an audit knows of its class pairs while it works: first margins, what was measured, or why there is nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from auditor.documents.pair_outcomes import (
    NOT_SHOWN,
    PairOutcome,
    PairsPart,
    ScreenedPair,
    ScreenedPart,
)
from auditor.documents.ranking_and_summary import RANKED_BY, ranking
from auditor.documents.tasks import Kind, Task
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.pairs.margins import searched_from
from auditor.pipeline.pairs.outline import take_margins
from auditor.pipeline.pairs.screening import only_screened
from auditor.pipeline.pairs.shard import Work
from auditor.pipeline.time_budget import SPENT


class KnownPairs:
    """What is known of every pair.

    Args:
        work: of the audit.
        order: of the pairs, as they were asked for.
    Attributes:
        screened: the first margins of pairs.
        outcomes: what was measured of pairs, in full or in outline.
        missing: why a pair could not be measured.
    """

    def __init__(self, work: Work, order: Sequence[ClassPair]) -> None:
        self._work, self.order = work, list(order)
        self.screened, self.outcomes = dict[ClassPair, ScreenedPair](), dict[ClassPair, PairOutcome]()
        self.missing = dict[ClassPair, str]()

    def is_full(self, pair: ClassPair) -> bool:
        """Whether it was audited in full."""
        return pair in self.outcomes and self.outcomes[pair].level == "full"

    def by_fragility(self) -> list[ClassPair]:
        """Pairs by the margin of the nearer direction, as far as it is known; equal ones by their classes."""
        return sorted(self.screened.keys() - self.missing.keys(), key=lambda pair: (self._margin(pair), pair))

    def by_screening(self) -> list[ClassPair]:
        """The same by what screening tells, whatever was done since."""
        return sorted(self.screened.keys() - self.missing.keys(), key=lambda pair: (self._screened(pair), pair))

    def spread(self, pair: ClassPair) -> float:
        """How little the first margins of the nearer direction tell: their range by their median."""
        known = min((_known(of.l2) for of in self.screened[pair].directions), key=_median)
        middle = _median(known)
        return (max(known) - min(known)) / middle if 0 < middle < math.inf else math.inf if middle else 0.0

    def further(self, samples: int, pairs: Sequence[ClassPair]) -> dict[ClassPair, int]:
        """How many samples of each pair are to be searched from, of those of which fewer than ``samples`` are known."""
        most = searched_from(self._work.setup.search, self._work.plan.settings)["test"]
        counts, further = self._work.test.split.labels, dict[ClassPair, int]()
        for pair in pairs:
            wanted = min(samples, most, max(int((counts == label).sum()) for label in pair))
            if pair not in self.screened or self.screened[pair].samples < wanted:
                known = self.screened[pair].samples if pair in self.screened else 0
                further[pair] = wanted - known
        return {pair: more for pair, more in further.items() if pair not in self.missing}

    def task(self, kind: Kind, pairs: Sequence[ClassPair], samples: int = 0) -> Task:
        """A task that goes on from what is known of its pairs."""
        known = tuple(self.screened[pair] for pair in pairs if pair in self.screened)
        return Task(kind=kind, pairs=tuple(pairs), known=known, samples=samples)

    def is_new(self, part: PairsPart | ScreenedPart, *, outlines: bool) -> bool:
        """Whether a part that an earlier run finished tells more of its pairs than is known.

        Args:
            outlines: whether an outline counts.
        """
        if isinstance(part, ScreenedPart):
            return any(self._tells_more(pair) for pair in part.pairs)
        wanted = [pair for pair in part.pairs if outlines or pair.level == "full"]
        return any(pair.classes not in self.outcomes or not self.is_full(pair.classes) for pair in wanted)

    def learn(self, part: PairsPart | ScreenedPart) -> None:
        """Take note of what a task has found."""
        if isinstance(part, ScreenedPart):
            self.screened |= {pair.classes: pair for pair in part.pairs if self._tells_more(pair)}
            return
        self.outcomes |= {pair.classes: pair for pair in part.pairs if not self.is_full(pair.classes)}
        # Pairs only ever lose rank as others come in, whichever measure decides in the end.
        most, known = self._work.plan.report_pairs, [*self.outcomes.values()]
        kept = {classes for by in RANKED_BY for classes in ranking(known, by)[:most]}
        for direction in (d for pair in known if pair.classes not in kept for d in pair.directions):
            direction.samples = NOT_SHOWN

    def close(self) -> None:
        """Say of every pair that is not missing how far it came, in order of the classes: nothing more will be learned.

        Outlines get the margins of what was screened after them.
        """
        for pair in self.screened.keys() - self.missing.keys():
            if pair not in self.outcomes:
                self.outcomes[pair] = only_screened(self.screened[pair], self._work, f"{SPENT} after the screening")
            elif not self.is_full(pair):
                take_margins(self.outcomes[pair], self.screened[pair], self._work)
        self.outcomes = {pair: self.outcomes[pair] for pair in sorted(self.outcomes) if pair not in self.missing}
        self.missing = {pair: self.missing[pair] for pair in self.order if pair in self.missing}

    def _margin(self, pair: ClassPair) -> float:
        if self.is_full(pair):
            return min(_median(_known(of.margins["test"].l2)) for of in self.outcomes[pair].directions)
        return self._screened(pair)

    def _screened(self, pair: ClassPair) -> float:
        return min(_median(_known(of.l2)) for of in self.screened[pair].directions)

    def _tells_more(self, pair: ScreenedPair) -> bool:
        known = self.screened.get(pair.classes)
        return known is None or known.samples < pair.samples


def _known(margins: Sequence[float | None]) -> list[float]:
    """Infinite where nothing was found."""
    return [math.inf if margin is None else margin for margin in margins]


def _median(margins: Sequence[float]) -> float:
    """Infinite where from most samples nothing was found, or there are none."""
    return median(margins) if margins else math.inf
