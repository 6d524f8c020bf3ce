"""All class pairs of an audit: shard after shard, as time allows, and none that an earlier run has finished.

A pair whose work fails does not end the audit: it is missing with its reason, and the others go on. A model that
changes its answers ends the work: the pairs during which that was noticed and all that follow are missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from auditor.documents.pair_outcomes import NOT_SHOWN, PairOutcome, PairsPart
from auditor.documents.ranking_and_summary import RANKED_BY, ranking
from auditor.documents.results import Cost, Pair
from auditor.models.determinism import ModelChanged, add_not_finite, watched
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.failures import reason_of
from auditor.pipeline.pairs.retraining import allow_for_training
from auditor.pipeline.pairs.shard import Work, pairs_at_once, run_shard, shards_of
from auditor.pipeline.pairs.shown_baselines import baselines_of_shown
from auditor.pipeline.resume import FinishedParts
from auditor.pipeline.stages import Stages
from auditor.pipeline.time_budget import TimeBudget

PAIRS = "class pairs"
"""Name of the stage that takes nearly all of the time."""
STEPS = 1000
"""Steps of progress for each pair."""
PHASES = {
    "Component I": (0.0, 0.15),
    "Component II": (0.15, 0.3),
    "Minimal-norm attack": (0.3, 0.65),
    "Characteristics": (0.65, 0.95),
}
"""From where to where the work on a shard has come in each of its long stages, about; in the others it stands."""


def audited_pairs(
    work: Work, pairs: Sequence[ClassPair], stages: Stages, budget: TimeBudget, finished_parts: FinishedParts
) -> tuple[list[Pair], dict[ClassPair, str], list[Cost]]:
    """Audit all pairs, with what can only be said once the last of them is finished.

    Args:
        work: what every shard needs.
        pairs: in the order in which they are worked on.
        stages, budget, finished_parts: of the audit.
    Returns:
        the pairs in order of their classes, why others could not be measured, and what the parts cost.
    Raises:
        AuditError: no pair could be measured; it says why not the first.
    """
    everything = AllPairs(work, pairs, stages, budget, finished_parts)
    outcomes, costs, most = dict[ClassPair, PairOutcome](), list[Cost](), work.plan.report_pairs
    for part in everything.finished():
        outcomes = dict(sorted({**outcomes, **{pair.classes: pair for pair in part.pairs}}.items()))
        costs.append(part.cost)
        # Pairs only ever lose rank as others come in, whichever measure decides in the end.
        kept = {classes for by in RANKED_BY for classes in ranking([*outcomes.values()], by)[:most]}
        for direction in (d for pair in outcomes.values() if pair.classes not in kept for d in pair.directions):
            direction.samples = NOT_SHOWN
    directions = [direction for pair in outcomes.values() for direction in pair.directions]
    allow_for_training(directions, work.suite.definitions)
    if not work.baselines:
        shown = ranking([*outcomes.values()], RANKED_BY[0])[: work.shown]
        costs += baselines_of_shown(outcomes, shown, work, stages, budget, finished_parts)
    names, compare = work.subject.dataset.class_names, work.suite.compare
    finished = [
        pair.document(names, compare(*(d.characteristics for d in pair.directions))) for pair in outcomes.values()
    ]
    return finished, everything.failed, costs


def sum_of(costs: Iterable[Cost]) -> Cost:
    """Costs added up."""
    listed = list(costs)
    return Cost(forward=sum(cost.forward for cost in listed), backward=sum(cost.backward for cost in listed))


class AllPairs:
    """The work on all pairs; arguments as of ``audited_pairs``.

    Attributes:
        failed: why a pair could not be measured.
    """

    def __init__(
        self, work: Work, pairs: Sequence[ClassPair], stages: Stages, budget: TimeBudget, finished_parts: FinishedParts
    ) -> None:
        self._work, self._stages, self._budget, self._finished_parts = work, stages, budget, finished_parts
        self._wanted, self._rest = len(pairs), list(pairs)
        self._alone = 0  # so many of the pairs to come were in a shard that failed: one of them is to blame
        self._first_failure: Exception | None = None
        self.failed: dict[ClassPair, str] = {}
        self._now, self._come = 0, 0.0  # pairs of the shard at work, and how far it has come, from 0 to 1

    def finished(self) -> Iterator[PairsPart]:
        """The pairs, as they are finished, as many as fit the time budget.

        Raises:
            AuditError: no pair could be measured; it says why not the first.
        """
        some = False
        while self._rest:
            part = self._finished_parts.pairs(self._rest)
            if part is None:
                shard = self._shard()
                if not shard:  # no time: what is left is what an earlier run finished
                    self._rest = self._rest[self._finished_parts.gap(self._rest) :]
                    continue
                part = self._run(shard)
            else:
                add_not_finite(self._work.subject.classifier.backend, part.not_finite)
            if part is not None:
                self._rest = self._rest[len(part.pairs) :]
                some = True
                yield part
        if self._first_failure is not None and not some:
            raise self._first_failure

    def _shard(self) -> list[ClassPair]:
        at_once = 1 if self._alone else _pairs_at_once(self._work)
        if self._budget.seconds is None:
            return shards_of(self._rest, at_once)[0]
        # What the time allows, and no pair that an earlier run has finished.
        return self._rest[: min(self._budget.fitting(at_once), self._finished_parts.gap(self._rest))]

    def _run(self, shard: list[ClassPair]) -> PairsPart | None:
        failure, part = None, None
        self._now, self._come = len(shard), 0.0
        try:
            part = run_shard(shard, self._work, self._stages.reporting_to(self._report))
        except Exception as err:
            failure = err
        try:
            self._check(shard)
        except ModelChanged as err:
            self._stop(err)
            return None
        if part is None:
            assert failure is not None
            self._failed(shard, failure)
            return None
        self._alone = max(0, self._alone - 1)
        self._budget.took(len(shard), part.seconds)
        self._finished_parts.add(part)
        return part

    def _check(self, shard: list[ClassPair]) -> None:
        """Before a part is kept, have the model asked again for some of what it answered.

        Raises:
            ModelChanged: its answers are others now.
        """
        if (watch := watched(self._work.subject.classifier.backend)) is not None:
            (a, b), more = shard[0], len(shard) - 1
            watch.check(f"pair {a}:{b}{f' and {more} more' if more else ''}")

    def _stop(self, err: ModelChanged) -> None:
        """Leave out all pairs that are not finished."""
        self._first_failure = self._first_failure or err
        self.failed |= dict.fromkeys(self._rest, f"the model changed its answers ({err.found})")
        self._rest = []

    def _failed(self, shard: list[ClassPair], err: Exception) -> None:
        """Have the pairs of the shard tried one by one; of a single pair, take note and go on to the next."""
        reason = reason_of(err)
        if len(shard) > 1:
            self._alone = len(shard)
            return
        self._alone = max(0, self._alone - 1)
        self._first_failure = self._first_failure or err
        self._rest = self._rest[1:]
        self.failed[shard[0]] = reason

    def _report(self, stage: str, done: int, total: int, detail: str = "") -> None:
        finished = self._wanted - len(self._rest)
        if stage in PHASES:
            low, high = PHASES[stage]
            self._come = max(self._come, low + (high - low) * min(1.0, done / max(1, total)))
        come = round(STEPS * (finished + self._now * self._come))
        detail = f"{finished} of {self._wanted} pairs, {stage} {100 * done // max(1, total)} %"
        self._stages.report(PAIRS, come, STEPS * self._wanted, detail)


def _pairs_at_once(work: Work) -> int:
    classifier = work.subject.classifier
    largest = int(work.train.split.labels.bincount().max()) if len(work.train.split) else 0
    sources = min(largest, work.plan.settings.samples_per_class or largest)
    return pairs_at_once(classifier.instance_shape, sources, classifier.device.type)
