"""What is done next under a time budget: all pairs screened, then outlined, then in full, as far as there is time.

The ten most fragile pairs come first: in full where there is time for all of them, else all outlined before any goes on
in full, the most fragile first. Then come the others, those of which least is known first; where the time does not
suffice for the ten in full anyway, they are outlined before the ten go on. Where nothing more than that fits in, what
time is left goes into margins of further samples. Nothing is begun that is not likely to end in time.

Where time is short, few samples of each pair are searched from at first. Which pairs are among the ten is then decided
between ever fewer on ever more samples, until all that a full level searches from are known of a few: the median of two
samples is low by chance where many pairs have one, and more samples of the lowest show it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from auditor.documents.tasks import Kind, Task
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.known_pairs import KnownPairs
from auditor.pipeline.pairs.margins import SCREENED
from auditor.pipeline.pairs.shard import Work
from auditor.pipeline.tasks_out import (
    TasksOut,
    cut,
    is_large,
    pairs_of_a_task,
    pairs_screened_at_once,
    sources_at_most,
)
from auditor.pipeline.time_budget import CAUTION, TimeBudget

AT_FIRST, INTERVAL = 2, 6
"""Samples of each class that tell something, and the fewest whose range is an interval of their median of 95 % or more
(1 - 2 / 2^6 = 0.97)."""
MOST_FRAGILE = 10
"""Pairs that come first."""
CONTENDERS = ((4, 32), (8, 22), (16, 15), (24, 12))
"""On how many samples of each class it is decided which these are, and between how many pairs: of 45 pairs of two
networks, eight of the ten and more in 98 of 100 draws of the samples, for 43 % of what all pairs would take."""
SURE = 1.1
"""Where so many times the seconds are left that many tasks take together, none of their pairs is outlined before."""
MORE = 4
"""Samples of each class by which margins grow where nothing else fits in."""
ROUND_SHARE, CONTEST_SHARE, SHARD_SHARE, TASK_SHARE = 0.6, 0.25, 0.25, 0.125
"""Of the time left, what a further round of screening may take, what one of contenders, what a task of a round, what
one of many later tasks."""


class UnderBudget:
    """The order of tasks under a time budget.

    Args:
        work, known, tasks, budget: of the audit.
    """

    def __init__(self, work: Work, known: KnownPairs, tasks: TasksOut, budget: TimeBudget) -> None:
        self._work, self._known, self._tasks, self._budget = work, known, tasks, budget

    def screening(self) -> Iterator[Task | None]:
        """All pairs, in rounds where time is short, and then those that may be among the most fragile."""
        order, few = self._known.order, len(self._known.order) <= MOST_FRAGILE
        hurried = self._screening_lasts(SCREENED, order) > TASK_SHARE * self._budget.left()
        yield from self._screened_to(AT_FIRST if hurried else SCREENED, order)
        yield from self._tasks.wait()
        if few and self._screening_lasts(INTERVAL, order) <= min(ROUND_SHARE * self._budget.left(), self._spare()):
            yield from self._screened_to(INTERVAL, order)
        for samples, most in () if few else CONTENDERS:
            yield from self._tasks.wait()
            contenders = self._known.by_fragility()[:most]
            if self._screening_lasts(samples, contenders) <= CONTEST_SHARE * self._budget.left():
                yield from self._screened_to(samples, contenders)

    def deepening(self) -> Iterator[Task | None]:
        """Outlines and full audits, and where neither fits in further margins."""
        while (task := self._most_useful()) is not None or self._tasks:
            yield task

    def _most_useful(self) -> Task | None:
        """What to do with pairs that have been screened; None where nothing fits."""
        for kind, pairs in self._in_turn():
            rest = [pair for pair in pairs if pair not in self._tasks.busy]
            if rest and self._budget.fits_task(kind, 1):
                return self._known.task(kind, rest[: self._size(kind)])
        return None if any(map(self._known.is_full, self._known.order)) else self._further_margins()

    def _in_turn(self) -> Iterator[tuple[Kind, list[ClassPair]]]:
        """Groups of pairs and what is to be done with them, the most useful first."""
        order, known, budget = self._known.by_fragility(), self._known, self._budget
        others = sorted(order[MOST_FRAGILE:], key=lambda pair: (-known.spread(pair), pair))
        groups = order[:MOST_FRAGILE], others
        ten, rest = ([pair for pair in group if not known.is_full(pair)] for group in groups)
        whole, everything = (self._lasts("full", len(of)) for of in (ten, ten + rest))
        plain = [[pair for pair in group if pair not in known.outcomes] for group in groups]
        without = [SURE * seconds <= budget.left() for seconds in (whole, everything)]
        outlines = [[] if enough else group for enough, group in zip(without, plain, strict=True)]
        first: tuple[Kind, list[ClassPair]] = ("full", ten)
        then: tuple[Kind, list[ClassPair]] = ("outline", outlines[1])
        if whole > budget.left() and budget.fits(self._lasts("outline", len(outlines[1]))):
            first, then = then, first
        yield "outline", outlines[0]
        yield first
        yield then
        yield "full", rest

    def _further_margins(self) -> Task | None:
        """Margins of a few more samples, of the pairs that have the fewest, the most fragile of these first."""
        known, most = self._known, self._work.plan.settings.attacked
        free = [pair for pair in known.by_fragility() if pair not in self._tasks.busy]
        further = {pair: min(known.screened[pair].samples + MORE, most) for pair in free}
        able = [pair for pair, samples in further.items() if known.further(samples, [pair])]
        if not able or not self._budget.fits_task("screen", MORE):
            return None
        samples = min(further[pair] for pair in able)
        alike = [pair for pair in able if further[pair] == samples]
        size = 1 if is_large(self._work.subject) else pairs_screened_at_once(self._work.subject, MORE)
        return known.task("screen", alike[:size], samples)

    def _screened_to(self, samples: int, pairs: Sequence[ClassPair]) -> Iterator[Task]:
        """In as few tasks as workers can share, each a small part of the time left."""
        further = self._known.further(samples, pairs)
        seconds, workers = self._screening_lasts(samples, pairs), max(2, self._tasks.most)  # helpers may yet come
        seconds *= self._tasks.most / workers
        tasks = workers * max(1, math.ceil(seconds / (SHARD_SHARE * max(1.0, self._budget.left()))))
        at_once = pairs_screened_at_once(self._work.subject, max(further.values(), default=1))
        if is_large(self._work.subject):  # what all tasks have in common costs a large network most
            at_once = min(at_once, math.ceil(len(further) / tasks))
        for shard in cut(list(further), max(1, at_once)):
            yield self._known.task("screen", shard, samples)

    def _spare(self) -> float:
        """Seconds left for a round of screening beside the outlines of all, where these fit in."""
        outlines = CAUTION * self._lasts("outline", len(self._known.order))
        left = self._budget.left()
        return left - outlines if outlines <= left else left

    def _lasts(self, kind: Kind, units: int) -> float:
        """Seconds of so many units, by all who are at work."""
        return self._budget.pace.expected(kind, math.ceil(units / self._tasks.most))

    def _screening_lasts(self, samples: int, pairs: Sequence[ClassPair]) -> float:
        return self._lasts("screen", sum(self._known.further(samples, pairs).values()))

    def _size(self, kind: Kind) -> int:
        """Pairs of a task that takes a small share of the time left."""
        one = self._budget.pace.expected(kind, 1)
        most = pairs_of_a_task(self._work.subject, sources_at_most(self._work.train, self._work.plan))
        return max(1, min(most, int(TASK_SHARE * self._budget.left() / one))) if one else 1
