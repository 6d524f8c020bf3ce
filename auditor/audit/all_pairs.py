"""All class pairs of an audit: shard after shard, as time allows, and none that an earlier run has finished.

A pair whose work fails does not end the audit: it is missing with its reason, and the others go on. A model that
changes its answers ends the work: the pairs during which that was noticed and all that follow are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.audit.budget import TimeBudget
from auditor.audit.failures import reason_of
from auditor.audit.finished_parts import Ledger
from auditor.audit.pairs.shard import Work, run_shard
from auditor.audit.pairs.sharding import pairs_at_once, shards_of
from auditor.audit.stages import Stages
from auditor.documents.parts import FinishedPairs
from auditor.models.steadiness import ModelChanged, add_not_finite, watched
from auditor.numbers.class_pairs import Pair

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


class AllPairs:
    """The work on all pairs.

    Args:
        work: what every shard needs.
        pairs: in the order in which they are worked on.
        stages, budget, ledger: of the audit.
    Attributes:
        failed: why a pair could not be measured.
    """

    def __init__(self, work: Work, pairs: Sequence[Pair], stages: Stages, budget: TimeBudget, ledger: Ledger) -> None:
        self._work, self._stages, self._budget, self._ledger = work, stages, budget, ledger
        self._wanted, self._rest = len(pairs), list(pairs)
        self._alone = 0  # so many of the pairs to come were in a shard that failed: one of them is to blame
        self._first_failure: Exception | None = None
        self.failed: dict[Pair, str] = {}
        self._now, self._come = 0, 0.0  # pairs of the shard at work, and how far it has come, from 0 to 1

    def finished(self) -> Iterator[FinishedPairs]:
        """The pairs, as they are finished, as many as fit the time budget.

        Raises:
            AuditError: no pair could be measured; it says why not the first.
        """
        some = False
        while self._rest:
            part = self._ledger.pairs(self._rest)
            if part is None:
                shard = self._shard()
                if not shard:  # no time: what is left is what an earlier run finished
                    self._rest = self._rest[self._ledger.gap(self._rest) :]
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

    def _shard(self) -> list[Pair]:
        at_once = 1 if self._alone else _pairs_at_once(self._work)
        if self._budget.seconds is None:
            return shards_of(self._rest, at_once)[0]
        # What the time allows, and no pair that an earlier run has finished.
        return self._rest[: min(self._budget.fitting(at_once), self._ledger.gap(self._rest))]

    def _run(self, shard: list[Pair]) -> FinishedPairs | None:
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
        self._ledger.add(part)
        return part

    def _check(self, shard: list[Pair]) -> None:
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

    def _failed(self, shard: list[Pair], err: Exception) -> None:
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
