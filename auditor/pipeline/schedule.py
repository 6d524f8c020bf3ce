"""What to do next: all class pairs screened, then in full, the most fragile first, then baselines of those shown.

Under a time budget the order is another one (``auditor.pipeline.under_budget``), and nothing is begun that is not
likely to end in time.

Tasks may end in any order. How pairs are cut into tasks depends on the plan, the model and the data alone, and on what
the screening found, except under a time budget. A pair whose work fails does not end the audit: it is missing with its
reason, and the others go on. A model that changes its answers ends the work: what is not finished is missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from auditor.documents.pair_outcomes import BaselinesPart, PairOutcome, PairsPart, ScreenedPart
from auditor.documents.ranking_and_summary import RANKED_BY, ranking
from auditor.documents.results import Cost, NotMeasured
from auditor.documents.tasks import PAIRS, Kind, Task
from auditor.errors import AuditIncomplete
from auditor.models.determinism import ModelChanged, add_not_finite
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.known_pairs import KnownPairs
from auditor.pipeline.pairs.margins import SCREENED
from auditor.pipeline.pairs.retraining import allow_for_training
from auditor.pipeline.pairs.shard import Work
from auditor.pipeline.resume import FinishedParts
from auditor.pipeline.tasks_out import (
    TasksOut,
    cut,
    in_full,
    is_large,
    pairs_of_a_task,
    pairs_screened_at_once,
    sources_at_most,
)
from auditor.pipeline.time_budget import SPENT, TimeBudget
from auditor.pipeline.under_budget import UnderBudget

Done = PairsPart | ScreenedPart | BaselinesPart
SCREENING, BASELINES = "screening of class pairs", "baselines"
"""Names of the stages before and after ``PAIRS``, as progress has them."""
DEATHS = 2
"""So many workers may die over a pair before it is given up."""
ELSEWHERE = "baselines are measured for the pairs with a page of their own; --profile thorough measures all"


class Schedule:
    """The tasks of an audit.

    Args:
        work: what every task needs.
        pairs: in the order asked for.
        budget, finished_parts: of the audit.
    Attributes:
        costs: of the parts.
        first_failure: the error of the first pair that could not be measured.
        stage: name of the stage that the tasks now handed out belong to.
    """

    def __init__(
        self, work: Work, pairs: Sequence[ClassPair], budget: TimeBudget, finished_parts: FinishedParts
    ) -> None:
        self._work, self._budget, self._finished_parts = work, budget, finished_parts
        self._known, self._tasks = KnownPairs(work, pairs), TasksOut(budget.clock)
        self._in_time = UnderBudget(work, self._known, self._tasks, budget)
        self.costs = list[Cost]()
        self.first_failure: BaseException | None = None
        self.stage = SCREENING
        self._deaths = dict[tuple[Kind, ClassPair], list[str]]()
        self._shown, self._with_baselines = list[ClassPair](), 0
        for part in finished_parts.parts:
            if self._known.is_new(part, outlines=self._bounded):
                finished_parts.use(part)
                self._take_over(part)
        self._plan = self._all_stages()
        self._ahead: Task | None = None

    @property
    def outcomes(self) -> dict[ClassPair, PairOutcome]:
        """What is known of every pair that was measured, in order of the classes once all is done."""
        return self._known.outcomes

    @property
    def missing(self) -> dict[ClassPair, str]:
        """Why a pair could not be measured."""
        return self._known.missing

    @property
    def finished(self) -> bool:
        """Whether all is done."""
        if not self._tasks.out:
            self._look_ahead()
        return not self._tasks and self._ahead is None

    @property
    def any_in_full(self) -> bool:
        """Whether the generator of the audit has made instances of any pair."""
        return any(map(self._known.is_full, self._known.order))

    @property
    def wants_preparation(self) -> bool:
        """Whether a task may still be handed out that needs a generator prepared for the audit as a whole."""
        if self._bounded:  # only once nothing else is to be done
            return any(task is not None and task.kind == "full" for task in (*self._tasks.again, self._ahead))
        if self.stage == BASELINES:
            return False
        return not all(pair in self.missing or self._known.is_full(pair) for pair in self._known.order)

    @property
    def progress(self) -> tuple[int, int]:
        """Pairs of this stage that are finished or given up, and those that there are."""
        if self.stage == BASELINES:
            return self._with_baselines, len(self._shown)
        known = self._known
        finished = len(known.screened) if self.stage == SCREENING else sum(map(known.is_full, known.order))
        return finished + len(self.missing), len(known.order)

    def next(self, *, prepared: bool = True) -> Task | None:
        """What to do now; None where nothing is to be handed out, be it until a task ends that is out.

        Args:
            prepared: whether the generator is.
        """
        while True:
            self._look_ahead()
            ready = [task for task in self._tasks.again if prepared or task.kind != "full"]
            if not ready and (self._ahead is None or (self._ahead.kind == "full" and not prepared)):
                return None
            if ready:
                self._tasks.again.remove(task := ready[0])
            else:
                assert self._ahead is not None
                task, self._ahead = self._ahead, None
            if not self._parted(task):
                break
        task = task.model_copy(update={"seconds": self._budget.cut_off()})
        self._tasks.begin(task)
        return task

    def _look_ahead(self) -> None:
        """Have the next task ready, if there is one, of as many pairs as fit into the time left."""
        self._tasks.again = [fitting for task in self._tasks.again if (fitting := self._fitting(task)) is not None]
        self._ahead = None if self._ahead is None else self._fitting(self._ahead)
        while self._ahead is None and (task := next(self._plan, None)) is not None:
            self._ahead = self._fitting(task)

    def _fitting(self, task: Task) -> Task | None:
        """As much of a task as is likely to end in time; None where that is nothing."""
        pairs = len(task.pairs)
        while pairs and not self._budget.fits_task(task.kind, math.ceil(_units(task) * pairs / len(task.pairs))):
            pairs -= 1
        if pairs in (0, len(task.pairs)):
            return task if pairs else None
        return self._known.task(task.kind, task.pairs[:pairs], task.samples)

    def done(self, task: Task, part: Done) -> None:
        """A task has ended with its part."""
        # With what it takes to hand it out, and to ask the model again for some of its answers.
        seconds = max(part.seconds, self._tasks.end(task))
        self._budget.pace.took(task.kind, _units(task), seconds)
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
        self._tasks.end(task)
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
        if task in self._tasks.out:
            self._tasks.end(task)
            self._tasks.again.insert(0, task)

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
        self._tasks.again += [
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
        self._tasks.end(task)
        reason = f"the model changed its answers ({err.found})"
        if task.kind == "baselines":
            self._given_up(task.kind, task.pairs, reason, err)
            return
        self.first_failure, self._tasks.again = self.first_failure or err, []
        self._plan, self._ahead = self._stopped(reason, err), None

    def _stopped(self, reason: str, err: ModelChanged) -> Iterator[Task | None]:
        yield from self._tasks.wait()
        rest = [pair for pair in self._known.order if pair not in self.missing and not self._known.is_full(pair)]
        self._given_up("full", rest, reason, err)
        yield from self._end()

    def _all_stages(self) -> Iterator[Task | None]:
        """All tasks one after the other; None where nothing can be said before a task that is out has ended."""
        yield from self._in_time.screening() if self._bounded else self._screening()
        yield from self._tasks.wait()
        self.stage = PAIRS
        yield from self._in_time.deepening() if self._bounded else self._in_full()
        yield from self._end()

    def _screening(self) -> Iterator[Task]:
        subject, further = self._work.subject, self._known.further(SCREENED, self._known.order)
        samples = max(further.values(), default=1)
        for shard in cut(list(further), 1 if is_large(subject) else pairs_screened_at_once(subject, samples)):
            yield self._known.task("screen", shard, SCREENED)

    def _in_full(self) -> Iterator[Task]:
        """All pairs in full; what was finished before is left out of its shard, so that all others are as they were."""
        at_once = pairs_of_a_task(self._work.subject, sources_at_most(self._work.train, self._work.plan))
        for shard in in_full(self._known.by_screening(), at_once, self._work.subject):
            if rest := [pair for pair in shard if not self._known.is_full(pair)]:
                yield self._known.task("full", rest)

    def _end(self) -> Iterator[Task | None]:
        """What only the whole audit tells, and baselines."""
        yield from self._tasks.wait()
        self.stage = BASELINES
        self._known.close()
        pairs = list(self.outcomes.values())
        allow_for_training([d for pair in pairs for d in pair.directions], self._work.suite.definitions)
        if self._work.baselines:
            return
        full = [pair for pair in ranking(pairs, RANKED_BY[0]) if self._known.is_full(pair)]
        self._shown = [pair for pair in ranking(pairs, RANKED_BY[0])[: self._work.shown] if self._known.is_full(pair)]
        self._without_baselines([pair for pair in full if pair not in self._shown], ELSEWHERE)
        self._without_baselines(self._shown, SPENT)
        for classes in self._shown:
            if (part := self._finished_parts.baselines(classes)) is None:
                yield Task(kind="baselines", pairs=(classes,))
            else:
                self._take_over(part)
        yield from self._tasks.wait()

    @property
    def _bounded(self) -> bool:
        return self._budget.seconds is not None

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
        self._known.learn(part)

    def _given_up(self, kind: Kind, pairs: Iterable[ClassPair], reason: str, err: BaseException) -> None:
        if kind == "baselines":
            self._without_baselines(pairs, reason)
            self._with_baselines += 1
        else:
            self.first_failure = self.first_failure or err
            self._known.missing |= dict.fromkeys(pairs, reason)

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
