"""What is done next: in which order, cut how, and under a time budget nothing that would not end in time."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from statistics import median

import pytest

from auditor.documents.messages import Begun, PartDone
from auditor.documents.pair_outcomes import (
    BaselinesPart,
    FirstMargins,
    Found,
    PairOutcome,
    PairsPart,
    ScreenedPair,
    ScreenedPart,
)
from auditor.documents.results import Cost
from auditor.documents.tasks import Kind, Task
from auditor.errors import AuditIncomplete
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.pairs.margins import SCREENED
from auditor.pipeline.pairs.screening import only_screened
from auditor.pipeline.pairs.shard import Work
from auditor.pipeline.resume import FinishedParts
from auditor.pipeline.schedule import Done, Schedule
from auditor.pipeline.time_budget import SPENT, OutOfTime, Pace, TimeBudget
from auditor.pipeline.under_budget import MOST_FRAGILE

PAIRS = list(combinations(range(10), 2))


def margin(pair: ClassPair) -> float:
    """How far both directions of a pair lie from the boundary: no order that classes would have by themselves."""
    return 1 + (37 * pair[0] + 11 * pair[1]) % 45 / 10


def noisy(pair: ClassPair, samples: int) -> list[float]:
    """Margins of samples that scatter about that of their pair: the first are the same however many there are."""
    rng = random.Random(str(pair))
    return [margin(pair) * rng.lognormvariate(0, 0.6) for _ in range(samples)]


def alike(pair: ClassPair, samples: int) -> list[float]:
    """Margins of samples, all that of their pair."""
    return [margin(pair)] * samples


def screened(pair: ClassPair, samples: int, of: Callable[[ClassPair, int], list[float]] = alike) -> ScreenedPair:
    a, b = pair
    values = of(pair, samples)
    forth, back = (
        FirstMargins(s, t, list(range(samples)), list(values), list(values), values, values, "by hand")
        for s, t in ((a, b), (b, a))
    )
    return ScreenedPair(pair, (forth, back))


OUTCOMES = dict[tuple[ClassPair, object], PairOutcome]()


def part_of(task: Task, work: Work, seconds: float, of: Callable[[ClassPair, int], list[float]] = alike) -> Done:
    """What a task would have found, at a hundred passes a second."""
    cost = Cost(forward=round(100 * seconds), backward=0)
    if task.kind == "baselines":
        return BaselinesPart(classes=task.pairs[0], directions=({}, {}), cost=cost, seconds=seconds)
    if task.kind == "screen":
        pairs = [screened(pair, task.samples, of) for pair in task.pairs]
        return ScreenedPart(pairs=pairs, cost=cost, seconds=seconds)
    assert [known.classes for known in task.known] == list(task.pairs)
    outcomes = []
    for pair in task.pairs:
        if (pair, of) not in OUTCOMES:
            OUTCOMES[pair, of] = only_screened(screened(pair, work.plan.settings.attacked, of), work, "")
        forth, back = (replace(direction) for direction in OUTCOMES[pair, of].directions)
        outcomes.append(PairOutcome(pair, (forth, back), "full" if task.kind == "full" else "outlined"))
    return PairsPart(pairs=outcomes, cost=cost, seconds=seconds)


class Simulated:
    """Workers that take tasks from a schedule on a clock of their own.

    Args:
        seconds: of a task.
        workers: how many.
        budget: in seconds, for all of it.
        pairs: of the audit.
        begun: seconds of it that the start has taken.
        of: margins of the first samples of a pair.
        found: what an earlier run left.
        passes: of a unit of each kind, as they are expected.
    Attributes:
        tasks: all that were begun, in that order.
        left: seconds that were left when each began.
    """

    def __init__(
        self, work: Work, seconds: Callable[[Task], float] = lambda _: 1.0, workers: int = 1,
        budget: float | None = None, found: Found | None = None, passes: dict[Kind, Cost] | None = None,
        pairs: list[ClassPair] = PAIRS, begun: float = 0.0, of: Callable[[ClassPair, int], list[float]] = alike,
    ) -> None:  # fmt: skip
        self.now, self.tasks, self.told, self.left = 0.0, list[Task](), list[Done](), list[float]()
        self.budget = TimeBudget(budget, -begun, lambda: self.now, Pace({} if passes is None else passes))
        parts = FinishedParts(found, self._keep)
        parts.begin({}, pairs)
        self.schedule = Schedule(work, pairs, self.budget, parts)
        self._work, self._seconds, self._workers, self._of = work, seconds, workers, of

    def _keep(self, message: object) -> None:
        assert isinstance(message, Begun | PartDone)

    def run(self, most: int = 10**6) -> Simulated:
        """Do all tasks, or so many."""
        out = list[tuple[float, int, Task]]()
        while not self.schedule.finished and len(self.tasks) < most:
            while len(out) < self._workers and (task := self.schedule.next()) is not None:
                assert self.budget.fits(0)
                self.tasks.append(task)
                self.left.append(self.budget.left())
                takes = min(self._seconds(task), float("inf") if task.seconds is None else task.seconds + 0.5)
                heapq.heappush(out, (self.now + takes, len(self.tasks), task))
            assert out
            self.now, _, task = heapq.heappop(out)
            takes = self._seconds(task)
            if task.seconds is not None and takes > task.seconds:
                self.schedule.failed(task, SPENT, OutOfTime())
            else:
                part = part_of(task, self._work, takes, self._of)
                self.told.append(part)
                self.schedule.done(task, part)
        return self

    @property
    def levels(self) -> dict[ClassPair, str]:
        return {classes: pair.level for classes, pair in self.schedule.outcomes.items()}

    def of(self, kind: str) -> list[ClassPair]:
        return [pair for task in self.tasks if task.kind == kind for pair in task.pairs]


def by_fragility() -> list[ClassPair]:
    return sorted(PAIRS, key=lambda pair: (margin(pair), pair))


def test_without_a_budget_all_are_screened_then_in_full_the_most_fragile_first_then_baselines(work: Work) -> None:
    ran = Simulated(work).run()
    kinds = [task.kind for task in ran.tasks]
    assert kinds == sorted(kinds, key=["screen", "full", "baselines"].index)
    assert sorted(ran.of("screen")) == PAIRS
    assert {task.samples for task in ran.tasks if task.kind == "screen"} == {SCREENED}
    assert ran.of("full") == by_fragility()
    assert ran.of("baselines") == by_fragility()[:10]
    assert set(ran.levels.values()) == {"full"}
    assert all(task.seconds is None for task in ran.tasks)


@pytest.mark.parametrize("seed", range(3))
def test_tasks_are_cut_alike_whatever_the_workers_and_whenever_tasks_end(work: Work, seed: int) -> None:
    rng = random.Random(seed)
    alone = Simulated(work).run()
    many = Simulated(work, lambda _: rng.uniform(0.1, 9), workers=2 + seed).run()
    assert {t.model_dump_json() for t in alone.tasks} == {t.model_dump_json() for t in many.tasks}
    assert list(alone.schedule.outcomes) == list(many.schedule.outcomes) == PAIRS
    assert len(many.tasks) == len(alone.tasks) == len(many.schedule.costs)


@pytest.mark.parametrize("of", [alike, noisy])
def test_a_resumed_audit_does_the_rest(work: Work, of: Callable[[ClassPair, int], list[float]]) -> None:
    whole, cut = Simulated(work, of=of).run(), Simulated(work, of=of).run(most=9)
    found = Found(facts={}, parts=list(cut.told))
    rest = Simulated(work, found=found, of=of).run()
    assert [*cut.tasks, *rest.tasks] == whole.tasks
    assert len(rest.schedule.costs) == len(whole.schedule.costs)
    assert rest.levels == whole.levels


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("seed", range(6))
def test_nothing_outlasts_a_budget_and_all_are_screened_before_any_goes_on(work: Work, seed: int, workers: int) -> None:
    rng = random.Random(seed)
    paces = {"screen": rng.uniform(0.01, 1), "outline": rng.uniform(0.2, 20), "full": rng.uniform(1, 200),
             "baselines": rng.uniform(0.1, 10)}  # fmt: skip
    seconds = rng.choice([60.0, 600.0, 3600.0])

    def takes(task: Task) -> float:
        units = len(task.pairs) * (task.samples if task.kind == "screen" else 1)
        return paces[task.kind] * units * rng.uniform(0.8, 1.2)

    ran = Simulated(work, takes, workers, seconds).run()
    report = seconds - TimeBudget(seconds, 0.0, lambda: 0.0).left()
    assert ran.now + report <= 1.1 * seconds
    beyond = [i for i, task in enumerate(ran.tasks) if task.kind != "screen"]
    if beyond and {pair for task in ran.tasks[: beyond[0]] for pair in task.pairs} != set(PAIRS):
        assert ran.left[beyond[0]] < 1.25 * 1.2 * paces["screen"] * 2  # not a single further pair would have fitted
    deep = [pair for pair, level in ran.levels.items() if level == "full"]
    if deep and len(deep) < len(PAIRS):
        first = [pair for pair in by_fragility()[:MOST_FRAGILE] if pair in deep]
        assert first == by_fragility()[: len(first)] or len(deep) >= len(PAIRS) - workers


def test_a_budget_that_is_ample_gives_what_no_budget_gives(work: Work) -> None:
    ran = Simulated(work, budget=10_000.0).run()
    assert set(ran.levels.values()) == {"full"}
    assert not ran.of("outline")
    assert ran.of("full")[:MOST_FRAGILE] == by_fragility()[:MOST_FRAGILE]


@pytest.mark.parametrize(
    ("outline", "full", "order"),
    [(4.0, 30.0, ["full", "outline"]), (0.5, 42.0, ["outline", "full", "outline"]), (4.0, 60.0, ["outline", "full"])],
    ids=["time for ten in full", "hardly time for ten in full", "no time for ten in full"],
)
def test_where_time_is_short_the_ten_most_fragile_come_first_and_the_others_are_outlined(
    work: Work, outline: float, full: float, order: list[str]
) -> None:
    paces = {"screen": 0.01, "outline": outline, "full": full, "baselines": 1.0}
    passes: dict[Kind, Cost] = {
        kind: Cost(forward=round(100 * paces[kind]), backward=0) for kind in ("outline", "full")
    }
    ran = Simulated(work, lambda task: paces[task.kind] * len(task.pairs), budget=480.0, passes=passes).run()
    kinds = [task.kind for task in ran.tasks if task.kind in ("outline", "full")]
    assert [kind for i, kind in enumerate(kinds) if i == 0 or kinds[i - 1] != kind][: len(order)] == order
    if order[0] == "outline":
        assert set(ran.of("outline")[:MOST_FRAGILE]) == set(by_fragility()[:MOST_FRAGILE])
    assert set(ran.levels) == set(PAIRS)
    deep = {pair for pair, level in ran.levels.items() if level == "full"}
    assert deep == set(by_fragility()[: len(deep)])
    assert len(deep) >= (10 if full < 42 else 9 if full < 60 else 3)
    if full != 42:
        assert "screened" not in ran.levels.values()


SIX = list(combinations(range(4), 2))
LARGE: dict[str, float] = {"screen": 6.0, "outline": 80.0, "full": 420.0, "baselines": 60.0}
"""Seconds of a unit, about, of ResNet-18 at 224 on one core beside another one that works."""


def large(work: Work, monkeypatch: pytest.MonkeyPatch, budget: float, seed: int) -> Simulated:
    """An audit of six pairs of a network whose tasks take minutes, 90 s after its start, by two workers."""
    monkeypatch.setattr("auditor.pipeline.under_budget.is_large", lambda _: True)
    monkeypatch.setattr("auditor.pipeline.under_budget.pairs_of_a_task", lambda *_: 1)
    work = replace(work, plan=work.plan.model_copy(update={"samples_per_class": 400}))
    rng = random.Random(seed)

    def takes(task: Task) -> float:
        known = {pair.classes: pair.samples for pair in task.known}
        samples = (task.samples - known.get(pair, 0) if task.kind == "screen" else 1 for pair in task.pairs)
        return LARGE[task.kind] * sum(samples) * rng.uniform(0.8, 1.2)

    passes: dict[Kind, Cost] = {kind: Cost(forward=round(100 * of), backward=0) for kind, of in LARGE.items()}  # type: ignore[misc]
    one = Simulated(work, takes, 2, budget, passes=passes, pairs=SIX, begun=90.0)
    one.budget.pace.saw(Cost(forward=1000, backward=0), 10.0)
    return one.run()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("budget", [300.0, 450.0, 600.0, 900.0, 1800.0])
def test_all_are_outlined_before_any_goes_on_and_no_time_is_left_in_which_more_would_fit(
    work: Work, monkeypatch: pytest.MonkeyPatch, budget: float, seed: int
) -> None:
    ran = large(work, monkeypatch, budget, seed)
    took = 90 + ran.now
    assert took <= 1.1 * budget - 30
    assert sorted(ran.levels) == SIX
    kinds = [task.kind for task in ran.tasks]
    if "full" in kinds:
        assert "screened" not in ran.levels.values()
        # Six in full by two workers: where these seem to fit in, they are begun at once.
        in_time = 1.1 * 0.8 * 3 * LARGE["full"] <= ran.left[kinds.index("full")]
        assert in_time or sorted(ran.of("outline")) == sorted(ran.of("outline")[:6]) == SIX
        assert in_time or kinds.index("full") > max(i for i, kind in enumerate(kinds) if kind == "outline")
    if "full" not in ran.levels.values():
        # Not one more outline would have been likely to end in time, nor margins of four more samples.
        unfinished = "screened" in ran.levels.values()
        assert not unfinished or ran.budget.left() < 1.25 * 1.2 * LARGE["outline"]
        known = {len(d.margins["test"].index) for pair in ran.schedule.outcomes.values() for d in pair.directions}
        assert ran.budget.left() < 1.25 * 1.2 * 4 * LARGE["screen"] or known == {work.plan.settings.attacked}


@pytest.mark.parametrize("seed", range(4))
def test_ten_minutes_give_an_outline_and_an_interval_of_the_margins_of_all_six(
    work: Work, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    ran = large(work, monkeypatch, 600.0, seed)
    assert set(ran.levels.values()) == {"outlined"}
    assert min(known.samples for task in ran.tasks if task.kind == "outline" for known in task.known) >= 6


@pytest.mark.parametrize("seconds", [900.0, 1200.0])
def test_of_45_pairs_the_ten_most_fragile_are_in_full_and_are_those_of_all_samples(
    work: Work, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """As ResNet-18 at 32 on two cores, whose samples scatter as those of a real network do."""
    monkeypatch.setattr("auditor.pipeline.under_budget.is_large", lambda _: True)
    monkeypatch.setattr("auditor.pipeline.under_budget.pairs_of_a_task", lambda *_: 1)
    work = replace(work, plan=work.plan.model_copy(update={"samples_per_class": 400}))
    paces = {"screen": 1.5, "outline": 32.0, "full": 60.0, "baselines": 30.0}

    def takes(task: Task) -> float:
        known = {pair.classes: pair.samples for pair in task.known}
        samples = (task.samples - known.get(pair, 0) if task.kind == "screen" else 1 for pair in task.pairs)
        return paces[task.kind] * sum(samples)

    passes: dict[Kind, Cost] = {kind: Cost(forward=round(100 * of), backward=0) for kind, of in paces.items()}  # type: ignore[misc]
    one = Simulated(work, takes, 2, seconds, passes=passes, begun=110.0, of=noisy)
    one.budget.pace.saw(Cost(forward=1000, backward=0), 10.0)
    ran = one.run()
    assert 110 + ran.now <= 1.1 * seconds - 30
    assert sorted(ran.levels) == PAIRS
    outcomes = ran.schedule.outcomes
    nearest = sorted(PAIRS, key=lambda pair: median(v or 0 for v in outcomes[pair].directions[0].margins["test"].l2))
    assert {ran.levels[pair] for pair in nearest[:MOST_FRAGILE]} == {"full"}
    of_all = sorted(PAIRS, key=lambda pair: median(noisy(pair, work.plan.settings.attacked)))
    assert len(set(of_all[:MOST_FRAGILE]) & set(nearest[:MOST_FRAGILE])) >= 8


def test_what_a_task_takes_beside_its_work_counts(work: Work) -> None:
    ran = Simulated(work, budget=600.0).run(most=1)
    task = ran.schedule.next()
    assert task is not None
    ran.now += 50.0
    ran.schedule.done(task, part_of(task, work, 1.0))
    assert ran.budget.pace.longest(task.kind, 1) >= 50.0 / (len(task.pairs) * max(1, task.samples))


def test_a_budget_for_nothing_leaves_nothing_begun(work: Work) -> None:
    ran = Simulated(work, budget=0.001).run()
    assert not ran.tasks
    assert not ran.schedule.outcomes
    assert not ran.schedule.missing


def test_pairs_of_a_task_that_fails_are_tried_one_by_one(work: Work) -> None:
    ran = Simulated(work).run(most=8)
    task = ran.schedule.next()
    assert task is not None
    assert (task.kind, len(task.pairs) > 1) == ("full", True)
    ran.schedule.failed(task, "no", ValueError("no"))
    alone = ran.schedule.next()
    assert alone is not None
    assert (alone.pairs, [known.classes for known in alone.known]) == (task.pairs[:1], [task.pairs[0]])
    ran.schedule.failed(alone, "no", ValueError("no"))
    ran.run()
    assert ran.schedule.missing == {task.pairs[0]: "no"}
    assert len(ran.schedule.outcomes) == len(PAIRS) - 1


def test_a_pair_that_two_workers_died_over_is_given_up(work: Work) -> None:
    ran = Simulated(work).run(most=8)
    first = ran.schedule.next()
    assert first is not None
    ran.schedule.lost(first, "killed")
    again = ran.schedule.next()
    assert again is not None
    assert again.pairs == first.pairs[:1]
    ran.schedule.lost(again, "killed")
    ran.run()
    assert ran.schedule.missing == {first.pairs[0]: "2 worker processes died over it: killed"}
    assert isinstance(ran.schedule.first_failure, AuditIncomplete)


def test_before_the_generator_is_prepared_only_what_needs_none_is_handed_out(work: Work) -> None:
    schedule = Simulated(work).schedule
    kinds = []
    while (task := schedule.next(prepared=False)) is not None:
        kinds.append(task.kind)
        schedule.done(task, part_of(task, work, 1.0))
    assert set(kinds) == {"screen"}
    assert schedule.wants_preparation
    task = schedule.next()
    assert task is not None
    assert task.kind == "full"
