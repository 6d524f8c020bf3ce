"""What to do next: the class pairs of an audit cut into tasks, then the baselines of the pairs that the report shows.

Tasks may end in any order. How pairs are cut into tasks depends on the plan, the model and the data alone, except where
a time budget decides how many are begun. A pair whose work fails does not end the audit: it is missing with its reason,
and the others go on. A model that changes its answers ends the work: the pairs that are not finished are missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from auditor.documents.pair_outcomes import NOT_SHOWN, BaselinesPart, PairOutcome, PairsPart
from auditor.documents.plan import Plan
from auditor.documents.ranking_and_summary import RANKED_BY, ranking
from auditor.documents.results import Cost, NotMeasured
from auditor.documents.tasks import PAIRS, Kind, Task
from auditor.errors import AuditIncomplete
from auditor.models.classifier import Classifier
from auditor.models.determinism import ModelChanged, add_not_finite
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.model_facts.predictions import Predictions
from auditor.pipeline.pairs.retraining import allow_for_training
from auditor.pipeline.pairs.shard import Work, pairs_at_once, shards_of
from auditor.pipeline.resume import FinishedParts
from auditor.pipeline.time_budget import TimeBudget

BASELINES = "baselines"
"""Name of the stage after ``PAIRS``, as progress has it."""
DEATHS = 2
"""So many workers may die over a pair before it is given up."""
SPENT = "the time budget was spent"
ELSEWHERE = "baselines are measured for the pairs with a page of their own; --profile thorough measures all"


class Schedule:
    """The tasks of an audit.

    Args:
        work: what every task needs.
        pairs: in the order in which they are worked on.
        budget, finished_parts: of the audit.
    Attributes:
        outcomes: what is known of every finished pair, in order of the classes.
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
        self.first_failure: Exception | None = None
        self.stage = PAIRS
        at_once = _pairs_at_once(work.subject.classifier, work.train, work.plan)
        self._out, self._deaths = list[Task](), dict[tuple[Kind, ClassPair], list[str]]()
        self._shown, self._with_baselines = list[ClassPair](), 0
        for part in finished_parts.parts:
            self._take_over(part)
            self._finish(part)
        shards = _cut(self._order, at_once)
        self._rest = [shard for s in shards if (shard := [pair for pair in s if pair not in self.outcomes])]
        self._go_on()

    @property
    def finished(self) -> bool:
        """Whether all is done."""
        return not (self._out or self._rest)

    @property
    def progress(self) -> tuple[int, int]:
        """Pairs of this stage that are finished or given up, and those that there are."""
        if self.stage == BASELINES:
            return self._with_baselines, len(self._shown)
        return len(self.outcomes) + len(self.missing), len(self._order)

    @property
    def wants_preparation(self) -> bool:
        """Whether a task may still be handed out that needs a generator prepared for the audit as a whole."""
        return bool(self._rest) and self.stage == PAIRS

    def next(self, *, prepared: bool = True) -> Task | None:
        """What to do now; None where nothing is to be handed out, be it until a task ends that is out.

        Args:
            prepared: whether the generator is.
        """
        if not self._rest or (not prepared and self.wants_preparation):
            return None
        fitting = self._budget.fitting(len(self._rest[0]))
        if not fitting:
            self._rest = []
            self._go_on()
            return self.next(prepared=prepared)
        shard, left = self._rest[0][:fitting], self._rest[0][fitting:]
        self._rest[:1] = [left] * bool(left)
        task = Task(kind="full" if self.stage == PAIRS else "baselines", pairs=tuple(shard))
        self._out.append(task)
        return task

    def done(self, task: Task, part: PairsPart | BaselinesPart) -> None:
        """A task has ended with its part."""
        self._out.remove(task)
        self._finish(part)
        if isinstance(part, PairsPart):
            self._budget.took(len(part.pairs), part.seconds)
        self._go_on()

    def failed(self, task: Task, reason: str, err: Exception) -> None:
        """A task has failed: several pairs are tried one by one, a single one is given up.

        Args:
            task: the task.
            reason: in a line.
            err: what is raised if no pair at all can be measured.
        """
        self._out.remove(task)
        if len(task.pairs) > 1:
            self._rest[:0] = [[pair] for pair in task.pairs]
        else:
            self._given_up(task.kind, task.pairs, reason, err)
        self._go_on()

    def lost(self, task: Task, reason: str) -> None:
        """A worker has died over a task: its pairs are tried once more, one by one.

        Args:
            task: that was handed out, by this schedule or by that of an earlier worker of this command.
            reason: how the worker died; empty where it had not begun with the task.
        """
        if task in self._out:
            self._out.remove(task)
            pairs = list(task.pairs)
        else:
            pairs = [pair for shard in self._rest for pair in shard if pair in task.pairs and self._is_now(task)]
            shards = ([pair for pair in shard if pair not in pairs] for shard in self._rest)
            self._rest = [shard for shard in shards if shard]
        if not reason:
            self._rest[:0] = [pairs] * bool(pairs)
            return
        for pair in task.pairs:
            self._deaths.setdefault((task.kind, pair), []).append(reason)
        again = [pair for pair in pairs if not self._deadly(task.kind, pair)]
        self._rest[:0] = [[pair] for pair in again]
        for pair in pairs:
            if said := self._deadly(task.kind, pair):
                err = AuditIncomplete(f"expected worker processes that finish; found otherwise: {said}")
                self._given_up(task.kind, [pair], said, err)
        self._go_on()

    def stop(self, task: Task, err: ModelChanged) -> None:
        """During this task the model has changed its answers: leave out all that is not finished."""
        self._out.remove(task)
        rest, self._rest = [*task.pairs, *(pair for shard in self._rest for pair in shard)], []
        self._given_up(task.kind, rest, f"the model changed its answers ({err.found})", err)
        self._go_on()

    def _finish(self, part: PairsPart | BaselinesPart) -> None:
        self.costs.append(part.cost)
        if isinstance(part, BaselinesPart):
            self._with_baselines += 1
            for direction, baselines in zip(self.outcomes[part.classes].directions, part.directions, strict=True):
                direction.baselines = baselines
            return
        self.outcomes = dict(sorted({**self.outcomes, **{pair.classes: pair for pair in part.pairs}}.items()))
        # Pairs only ever lose rank as others come in, whichever measure decides in the end.
        most, known = self._work.plan.report_pairs, [*self.outcomes.values()]
        kept = {classes for by in RANKED_BY for classes in ranking(known, by)[:most]}
        for direction in (d for pair in known if pair.classes not in kept for d in pair.directions):
            direction.samples = NOT_SHOWN

    def _take_over(self, part: PairsPart | BaselinesPart) -> None:
        add_not_finite(self._work.subject.classifier.backend, part.not_finite)

    def _go_on(self) -> None:
        """Once all pairs are finished, say what only the whole audit tells, and begin with the baselines."""
        if self._rest or self._out or self.stage == BASELINES:
            return
        self.stage, pairs = BASELINES, list(self.outcomes.values())
        self.missing = {pair: self.missing[pair] for pair in self._order if pair in self.missing}
        allow_for_training([d for pair in pairs for d in pair.directions], self._work.suite.definitions)
        if self._work.baselines:
            return
        self._shown = ranking(pairs, RANKED_BY[0])[: self._work.shown]
        self._without_baselines([pair for pair in self.outcomes if pair not in self._shown], ELSEWHERE)
        self._without_baselines(self._shown, SPENT)
        for classes in self._shown:
            if (part := self._finished_parts.baselines(classes)) is not None:
                self._take_over(part)
                self._finish(part)
            elif said := self._deadly("baselines", classes):
                self._without_baselines([classes], said)
            else:
                self._rest.append([classes])

    def _given_up(self, kind: Kind, pairs: Iterable[ClassPair], reason: str, err: Exception) -> None:
        if kind == "baselines":
            self._without_baselines(pairs, reason)
            self._with_baselines += 1
        else:
            self.first_failure = self.first_failure or err
            self.missing |= dict.fromkeys(pairs, reason)

    def _is_now(self, task: Task) -> bool:
        return (task.kind == "baselines") == (self.stage == BASELINES)

    def _deadly(self, kind: Kind, pair: ClassPair) -> str:
        """Why no further worker is given this pair; empty where one may be."""
        reasons = self._deaths.get((kind, pair), [])
        return "" if len(reasons) < DEATHS else f"{len(reasons)} worker processes died over it: {reasons[-1]}"

    def _without_baselines(self, pairs: Iterable[ClassPair], reason: str) -> None:
        """Say in both directions of each pair why there are no baselines."""
        for direction in (direction for pair in pairs for direction in self.outcomes[pair].directions):
            direction.baselines = dict.fromkeys(self._work.setup.baselines, NotMeasured(not_measured=reason))


def _cut(pairs: Sequence[ClassPair], at_once: int) -> list[list[ClassPair]]:
    """The pairs in their order, one shard after the other, each the first of what is left."""
    shards, rest = list[list[ClassPair]](), list(pairs)
    while rest:
        shards.append(shards_of(rest, at_once)[0])
        rest = rest[len(shards[-1]) :]
    return shards


def most_tasks(pairs: int, classifier: Classifier, train: Predictions, plan: Plan) -> int:
    """Tasks at most that so many pairs are cut into."""
    return math.ceil(pairs / _pairs_at_once(classifier, train, plan))


def _pairs_at_once(classifier: Classifier, train: Predictions, plan: Plan) -> int:
    return pairs_at_once(classifier.instance_shape, sources_at_most(train, plan), classifier.device.type)


def sources_at_most(train: Predictions, plan: Plan) -> int:
    """Sources of a direction at most."""
    largest = int(train.split.labels.bincount().max()) if len(train.split) else 0
    return min(largest, plan.settings.samples_per_class or largest)
