"""What to do next: all class pairs screened, then in full, the most fragile first, then baselines of those shown.

Under a time budget the ten most fragile pairs come first and then the others: in full where there is time for all of
them, else all outlined before any goes on in full, the most fragile first, of the others those of which least is known.
Nothing is begun that is not likely to end in time.

Tasks may end in any order. How pairs are cut into tasks depends on the plan, the model and the data alone, and on what
the screening found, except under a time budget. A pair whose work fails does not end the audit: it is missing with its
reason, and the others go on. A model that changes its answers ends the work: what is not finished is missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from auditor.documents.pair_outcomes import (
    NOT_SHOWN,
    BaselinesPart,
    FirstMargins,
    PairOutcome,
    PairsPart,
    ScreenedPair,
    ScreenedPart,
)
from auditor.documents.plan import Plan
from auditor.documents.ranking_and_summary import RANKED_BY, ranking
from auditor.documents.results import Cost, NotMeasured
from auditor.documents.tasks import PAIRS, Kind, Task
from auditor.errors import AuditIncomplete
from auditor.models.determinism import ModelChanged, add_not_finite
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.model_and_data import Subject
from auditor.pipeline.model_facts.predictions import Predictions
from auditor.pipeline.pairs.margins import SCREENED, searched_from
from auditor.pipeline.pairs.retraining import allow_for_training
from auditor.pipeline.pairs.screening import only_screened
from auditor.pipeline.pairs.shard import Work, pairs_at_once, shards_of
from auditor.pipeline.process_settings import SMALL_MODEL
from auditor.pipeline.resume import FinishedParts
from auditor.pipeline.time_budget import SPENT, TimeBudget

Done = PairsPart | ScreenedPart | BaselinesPart
SCREENING, BASELINES = "screening of class pairs", "baselines"
"""Names of the stages before and after ``PAIRS``, as progress has them."""
DEATHS = 2
"""So many workers may die over a pair before it is given up."""
ELSEWHERE = "baselines are measured for the pairs with a page of their own; --profile thorough measures all"
ROUNDS = (2, 4, SCREENED)
"""Samples of each class where time is short, round by round, so that all pairs have some before any has more."""
MOST_FRAGILE, CONTENDERS, DEEPER = 10, 20, 2 * SCREENED
"""Pairs that come first under a time budget; which these are is decided between so many, on so many samples of each."""
ROWS = 128
"""Samples that one task of screening searches from, about."""
ROUND_SHARE, DEEPER_SHARE, TASK_SHARE = 0.45, 0.15, 0.125
"""Of the time left, what a further round of screening may take, what that of contenders, and what one of many tasks."""


class Schedule:
    """The tasks of an audit.

    Args:
        work: what every task needs.
        pairs: in the order asked for.
        budget, finished_parts: of the audit.
    Attributes:
        outcomes: what is known of every pair that was measured, in order of the classes once all is done.
        costs: of the parts.
        missing: why a pair could not be measured.
        first_failure: the error of the first of these.
        stage: name of the stage that the tasks now handed out belong to.
    """

    def __init__(
        self, work: Work, pairs: Sequence[ClassPair], budget: TimeBudget, finished_parts: FinishedParts
    ) -> None:
        self._work, self._budget, self._finished_parts, self._order = work, budget, finished_parts, list(pairs)
        self.outcomes, self.costs = dict[ClassPair, PairOutcome](), list[Cost]()
        self.missing = dict[ClassPair, str]()
        self.first_failure: BaseException | None = None
        self.stage = SCREENING
        self._screened = dict[ClassPair, ScreenedPair]()
        self._again, self._out, self._most_out = list[Task](), list[Task](), 1
        self._deaths = dict[tuple[Kind, ClassPair], list[str]]()
        self._shown, self._with_baselines = list[ClassPair](), 0
        for part in finished_parts.parts:
            if self._is_new(part):
                finished_parts.use(part)
                self._take_over(part)
        self._plan = self._all_stages()
        self._ahead: Task | None = None

    @property
    def finished(self) -> bool:
        """Whether all is done."""
        if not self._out:
            self._look_ahead()
        return not self._out and not self._again and self._ahead is None

    @property
    def any_in_full(self) -> bool:
        """Whether the generator of the audit has made instances of any pair."""
        return any(map(self._is_full, self._order))

    @property
    def wants_preparation(self) -> bool:
        """Whether a task may still be handed out that needs a generator prepared for the audit as a whole."""
        if self._bounded:  # only once nothing else is to be done
            return any(task is not None and task.kind == "full" for task in (*self._again, self._ahead))
        return self.stage != BASELINES and not all(pair in self.missing or self._is_full(pair) for pair in self._order)

    @property
    def progress(self) -> tuple[int, int]:
        """Pairs of this stage that are finished or given up, and those that there are."""
        if self.stage == BASELINES:
            return self._with_baselines, len(self._shown)
        finished = len(self._screened) if self.stage == SCREENING else sum(map(self._is_full, self._order))
        return finished + len(self.missing), len(self._order)

    def next(self, *, prepared: bool = True) -> Task | None:
        """What to do now; None where nothing is to be handed out, be it until a task ends that is out.

        Args:
            prepared: whether the generator is.
        """
        while True:
            self._look_ahead()
            ready = [task for task in self._again if prepared or task.kind != "full"]
            if not ready and (self._ahead is None or (self._ahead.kind == "full" and not prepared)):
                return None
            if ready:
                self._again.remove(task := ready[0])
            else:
                assert self._ahead is not None
                task, self._ahead = self._ahead, None
            if not self._parted(task):
                break
        task = task.model_copy(update={"seconds": self._budget.cut_off()})
        self._out.append(task)
        self._most_out = max(self._most_out, len(self._out))
        return task

    def _look_ahead(self) -> None:
        """Have the next task ready, if there is one, of as many pairs as fit into the time left."""
        self._again = [fitting for task in self._again if (fitting := self._fitting(task)) is not None]
        self._ahead = None if self._ahead is None else self._fitting(self._ahead)
        while self._ahead is None and (task := next(self._plan, None)) is not None:
            self._ahead = self._fitting(task)

    def _fitting(self, task: Task) -> Task | None:
        """As much of a task as is likely to end in time; None where that is nothing."""
        pairs = len(task.pairs)
        while pairs and not self._fits(task.kind, math.ceil(_units(task) * pairs / len(task.pairs))):
            pairs -= 1
        if pairs in (0, len(task.pairs)):
            return task if pairs else None
        return self._task(task.kind, task.pairs[:pairs], task.samples)

    def done(self, task: Task, part: Done) -> None:
        """A task has ended with its part."""
        self._out.remove(task)
        self._budget.pace.took(task.kind, _units(task), part.seconds)
        self._budget.pace.saw(part.cost, part.seconds)
        self._finish(part)

    def failed(self, task: Task, reason: str, err: BaseException) -> None:
        """A task has failed: several pairs are tried one by one, a single one is given up.

        What was cut off leaves its pairs as they were.

        Args:
            task: the task.
            reason: in a line.
            err: what is raised if no pair at all can be measured.
        """
        self._out.remove(task)
        if len(task.pairs) > 1 and reason != SPENT:
            self._one_by_one(task)
        elif task.kind == "baselines" or reason != SPENT:
            self._given_up(task.kind, task.pairs, reason, err)

    def lost(self, task: Task, reason: str) -> None:
        """A worker has died over a task: its pairs are tried once more, one by one.

        Args:
            task: that was handed out, by this schedule or by that of an earlier worker of this command.
            reason: how the worker died; empty where it had not begun with the task.
        """
        for pair in task.pairs if reason else ():
            self._deaths.setdefault((task.kind, pair), []).append(reason)
        if task in self._out:
            self._out.remove(task)
            self._again.insert(0, task)

    def _parted(self, task: Task) -> bool:
        """Whether workers have died over pairs of a task, so that others take its place."""
        died = {pair: reasons for pair in task.pairs if (reasons := self._deaths.get((task.kind, pair)))}
        for pair, reasons in died.items():
            if len(reasons) >= DEATHS:
                said = f"{len(reasons)} worker processes died over it: {reasons[-1]}"
                err = AuditIncomplete(f"expected worker processes that finish; found otherwise: {said}")
                self._given_up(task.kind, [pair], said, err)
        left = [pair for pair in task.pairs if len(died.get(pair, ())) < DEATHS]
        if len(left) == len(task.pairs) and (not died or len(left) == 1):
            return False
        self._one_by_one(task.model_copy(update={"pairs": tuple(left)}))
        return True

    def _one_by_one(self, task: Task) -> None:
        self._again += [
            Task(
                kind=task.kind,
                pairs=(pair,),
                known=tuple(known for known in task.known if known.classes == pair),
                samples=task.samples,
            )
            for pair in task.pairs
        ]

    def stop(self, task: Task, err: ModelChanged) -> None:
        """During this task the model has changed its answers: leave out all that is not finished."""
        self._out.remove(task)
        reason = f"the model changed its answers ({err.found})"
        if task.kind == "baselines":
            self._given_up(task.kind, task.pairs, reason, err)
            return
        self.first_failure, self._again = self.first_failure or err, []
        self._plan, self._ahead = self._stopped(reason, err), None

    def _stopped(self, reason: str, err: ModelChanged) -> Iterator[Task | None]:
        yield from self._wait()
        rest = [pair for pair in self._order if pair not in self.missing and not self._is_full(pair)]
        self._given_up("full", rest, reason, err)
        yield from self._end()

    def _all_stages(self) -> Iterator[Task | None]:
        """All tasks one after the other; None where nothing can be said before a task that is out has ended."""
        yield from self._screening()
        yield from self._wait()
        self.stage = PAIRS
        yield from self._deepening() if self._bounded else self._in_full()
        yield from self._end()

    def _wait(self) -> Iterator[None]:
        while self._out or self._again:
            yield None

    def _screening(self) -> Iterator[Task | None]:
        hurried = self._bounded and self._lasts(SCREENED, self._order) > TASK_SHARE * self._budget.left()
        for samples in ROUNDS if hurried else (SCREENED,):
            yield from self._wait()
            if samples <= ROUNDS[0] or self._lasts(samples, self._order) <= ROUND_SHARE * self._budget.left():
                yield from self._screened_to(samples, self._order)
        if self._bounded:
            yield from self._wait()
            contenders = self._by_fragility()[:CONTENDERS]
            if self._lasts(DEEPER, contenders) <= DEEPER_SHARE * self._budget.left():
                yield from self._screened_to(DEEPER, contenders)

    def _lasts(self, samples: int, pairs: Sequence[ClassPair]) -> float:
        """Seconds that it takes to screen pairs on so many samples, by all who are at work."""
        return self._budget.pace.expected("screen", sum(self._further(samples, pairs).values())) / self._most_out

    def _further(self, samples: int, pairs: Sequence[ClassPair]) -> dict[ClassPair, int]:
        """How many samples of each pair are to be searched from, of those of which fewer are known."""
        most = searched_from(self._work.setup.search, self._work.plan.settings)["test"]
        counts, further = self._work.test.split.labels, dict[ClassPair, int]()
        for pair in pairs:
            wanted = min(samples, most, max(int((counts == label).sum()) for label in pair))
            if pair not in self._screened or self._screened[pair].samples < wanted:
                further[pair] = wanted - (self._screened[pair].samples if pair in self._screened else 0)
        return {pair: more for pair, more in further.items() if pair not in self.missing}

    def _screened_to(self, samples: int, pairs: Sequence[ClassPair]) -> Iterator[Task]:
        further = self._further(samples, pairs)
        at_once = min(
            _pairs_at_once(self._work.subject, SCREENED),
            ROWS // max(2, 2 * max(further.values(), default=1)),
        )
        for shard in _cut(list(further), max(1, at_once)):
            yield self._task("screen", shard, samples)

    def _in_full(self) -> Iterator[Task]:
        """All pairs in full; what was finished before is left out of its shard, so that all others are as they were."""
        for shard in _ever_smaller(self._by_fragility(), self._at_once):
            if rest := [pair for pair in shard if not self._is_full(pair)]:
                yield self._task("full", rest)

    def _deepening(self) -> Iterator[Task | None]:
        while (task := self._most_useful()) is not None or self._out or self._again:
            yield task

    def _most_useful(self) -> Task | None:
        """Under a time budget what to do with pairs that have been screened; None where nothing fits."""
        order = self._by_fragility()
        others = sorted(order[MOST_FRAGILE:], key=lambda pair: (-_spread(self._screened[pair]), pair))
        busy = {pair for task in self._out for pair in task.pairs}
        for group in (order[:MOST_FRAGILE], others):
            rest = [pair for pair in group if pair not in busy and not self._is_full(pair)]
            whole = self._fits("full", math.ceil(len(rest) / self._most_out))
            plain = [] if whole else [pair for pair in rest if pair not in self.outcomes]
            levels: tuple[tuple[Kind, list[ClassPair]], ...] = (("outline", plain), ("full", rest))
            for kind, pairs in levels:
                if pairs and self._fits(kind, 1):
                    return self._task(kind, pairs[: self._size(kind)])
        return None

    def _size(self, kind: Kind) -> int:
        """Pairs of a task that takes a small share of the time left."""
        one = self._budget.pace.expected(kind, 1)
        return max(1, min(self._at_once, int(TASK_SHARE * self._budget.left() / one))) if one else 1

    def _end(self) -> Iterator[Task | None]:
        """What only the whole audit tells, and baselines."""
        yield from self._wait()
        self.stage = BASELINES
        for pair in self._screened.keys() - self.outcomes.keys() - self.missing.keys():
            self.outcomes[pair] = only_screened(self._screened[pair], self._work, f"{SPENT} after the screening")
        self.outcomes = {pair: self.outcomes[pair] for pair in sorted(self.outcomes) if pair not in self.missing}
        self.missing = {pair: self.missing[pair] for pair in self._order if pair in self.missing}
        pairs = list(self.outcomes.values())
        allow_for_training([d for pair in pairs for d in pair.directions], self._work.suite.definitions)
        if self._work.baselines:
            return
        full = [pair for pair in ranking(pairs, RANKED_BY[0]) if self._is_full(pair)]
        self._shown = [pair for pair in ranking(pairs, RANKED_BY[0])[: self._work.shown] if self._is_full(pair)]
        self._without_baselines([pair for pair in full if pair not in self._shown], ELSEWHERE)
        self._without_baselines(self._shown, SPENT)
        for classes in self._shown:
            if (part := self._finished_parts.baselines(classes)) is None:
                yield Task(kind="baselines", pairs=(classes,))
            else:
                self._take_over(part)
        yield from self._wait()

    @property
    def _bounded(self) -> bool:
        return self._budget.seconds is not None

    @property
    def _at_once(self) -> int:
        return _pairs_at_once(self._work.subject, sources_at_most(self._work.train, self._work.plan))

    def _fits(self, kind: Kind, units: int) -> bool:
        return self._budget.fits(self._budget.pace.expected(kind, units))

    def _task(self, kind: Kind, pairs: Sequence[ClassPair], samples: int = 0) -> Task:
        known = tuple(self._screened[pair] for pair in pairs if pair in self._screened)
        return Task(kind=kind, pairs=tuple(pairs), known=known, samples=samples)

    def _is_full(self, pair: ClassPair) -> bool:
        return pair in self.outcomes and self.outcomes[pair].level == "full"

    def _by_fragility(self) -> list[ClassPair]:
        """Pairs by the margin of the nearer direction, as far as screening tells; equal ones by their classes."""
        return sorted(self._screened.keys() - self.missing.keys(), key=lambda pair: (self._margin(pair), pair))

    def _margin(self, pair: ClassPair) -> float:
        return min(_median(direction) for direction in self._screened[pair].directions)

    def _is_new(self, part: PairsPart | ScreenedPart) -> bool:
        """Whether a part that an earlier run finished tells more of its pairs than is known."""
        if isinstance(part, ScreenedPart):
            return any(self._tells_more(pair) for pair in part.pairs)
        wanted = [pair for pair in part.pairs if self._bounded or pair.level == "full"]
        return any(pair.classes not in self.outcomes or not self._is_full(pair.classes) for pair in wanted)

    def _tells_more(self, pair: ScreenedPair) -> bool:
        known = self._screened.get(pair.classes)
        return known is None or known.samples < pair.samples

    def _take_over(self, part: Done) -> None:
        add_not_finite(self._work.subject.classifier.backend, part.not_finite)
        self._finish(part)

    def _finish(self, part: Done) -> None:
        self.costs.append(part.cost)
        if isinstance(part, BaselinesPart):
            self._with_baselines += 1
            for direction, baselines in zip(self.outcomes[part.classes].directions, part.directions, strict=True):
                direction.baselines = baselines
            return
        if isinstance(part, ScreenedPart):
            self._screened |= {pair.classes: pair for pair in part.pairs if self._tells_more(pair)}
            return
        self.outcomes |= {pair.classes: pair for pair in part.pairs if not self._is_full(pair.classes)}
        # Pairs only ever lose rank as others come in, whichever measure decides in the end.
        most, known = self._work.plan.report_pairs, [*self.outcomes.values()]
        kept = {classes for by in RANKED_BY for classes in ranking(known, by)[:most]}
        for direction in (d for pair in known if pair.classes not in kept for d in pair.directions):
            direction.samples = NOT_SHOWN

    def _given_up(self, kind: Kind, pairs: Iterable[ClassPair], reason: str, err: BaseException) -> None:
        if kind == "baselines":
            self._without_baselines(pairs, reason)
            self._with_baselines += 1
        else:
            self.first_failure = self.first_failure or err
            self.missing |= dict.fromkeys(pairs, reason)

    def _without_baselines(self, pairs: Iterable[ClassPair], reason: str) -> None:
        """Say in both directions of each pair why there are no baselines."""
        for direction in (direction for pair in pairs for direction in self.outcomes[pair].directions):
            direction.baselines = dict.fromkeys(self._work.setup.baselines, NotMeasured(not_measured=reason))


def _units(task: Task) -> int:
    """How much of its kind a task is: pairs, or to screen samples of them."""
    known = {pair.classes: pair.samples for pair in task.known}
    if task.kind == "screen":
        return sum(max(0, task.samples - known.get(pair, 0)) for pair in task.pairs)
    return len(task.pairs)


def _median(margins: FirstMargins) -> float:
    """Of the first margins; infinite where from most samples nothing was found, or there are none."""
    return median(math.inf if value is None else value for value in margins.l2) if margins.l2 else math.inf


def _spread(pair: ScreenedPair) -> float:
    """How little the first margins of the nearer direction tell: their range by their median."""
    nearer = min(pair.directions, key=_median)
    middle, known = _median(nearer), [math.inf if value is None else value for value in nearer.l2]
    return (max(known) - min(known)) / middle if 0 < middle < math.inf else math.inf if middle else 0.0


def _cut(pairs: Sequence[ClassPair], at_once: int) -> list[list[ClassPair]]:
    """The pairs in their order, one shard after the other, each the first of what is left."""
    shards, rest = list[list[ClassPair]](), list(pairs)
    while rest:
        shards.append(shards_of(rest, at_once)[0])
        rest = rest[len(shards[-1]) :]
    return shards


def _ever_smaller(pairs: Sequence[ClassPair], at_once: int) -> list[list[ClassPair]]:
    """The pairs in their order, cut so that no worker is left with much to do while others have nothing.

    A shard is a third of what is left, of ``at_once`` pairs at most, and of two at least, since alone they cost more.

    >>> [len(shard) for shard in _ever_smaller([(0, i) for i in range(1, 46)], 6)]
    [6, 6, 6, 6, 6, 5, 4, 2, 2, 2]
    """
    shards, rest = list[list[ClassPair]](), list(pairs)
    while rest:
        size = min(at_once, max(2, math.ceil(len(rest) / 3)))
        shards.append(rest[:size])
        rest = rest[size:]
    return shards


def most_tasks(pairs: int, subject: Subject, train: Predictions, plan: Plan) -> int:
    """Tasks at most that so many pairs are cut into."""
    return len(_ever_smaller([(0, 1)] * pairs, _pairs_at_once(subject, sources_at_most(train, plan))))


def _pairs_at_once(subject: Subject, sources: int) -> int:
    shape, device = subject.classifier.instance_shape, subject.classifier.device.type
    return pairs_at_once(shape, sources, device, large=subject.artefact.size_bytes >= SMALL_MODEL)


def sources_at_most(train: Predictions, plan: Plan) -> int:
    """Sources of a direction at most."""
    largest = int(train.split.labels.bincount().max()) if len(train.split) else 0
    return min(largest, plan.settings.samples_per_class or largest)
