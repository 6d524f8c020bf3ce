"""Whoever works on the tasks of an audit: they are taken from the schedule, done, and given back to it."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.documents.pair_outcomes import BaselinesPart, PairsPart, ScreenedPart
from auditor.documents.tasks import Task
from auditor.models.determinism import ModelChanged, watched
from auditor.pipeline.failures import reason_of
from auditor.pipeline.pairs.shard import Work
from auditor.pipeline.pairs.tasks import run_task
from auditor.pipeline.resume import FinishedParts
from auditor.pipeline.schedule import PAIRS, Schedule
from auditor.pipeline.stages import Stages
from auditor.pipeline.time_budget import SPENT, OutOfTime

STEPS = 1000
"""Steps of progress for each pair."""
PHASES = {
    "Component I": (0.0, 0.15),
    "Component II": (0.15, 0.3),
    "Minimal-norm attack": (0.3, 0.65),
    "Characteristics": (0.65, 0.95),
}
"""From where to where the work on a task has come in each of its long stages, about; in the others it stands."""


@dataclass(frozen=True)
class Failed:
    """A task without a part: why, in a line, and the error."""

    reason: str
    err: BaseException


def attempt(task: Task, work: Work, stages: Stages) -> PairsPart | ScreenedPart | BaselinesPart | Failed:
    """Do a task, and have the model asked again for some of what it answered before its part is believed.

    Raises:
        ModelChanged: its answers are others now.
        AuditError: another task would fare no better, as where a file cannot be written.
    """
    answer: PairsPart | ScreenedPart | BaselinesPart | Exception
    try:
        answer = run_task(task, work, stages)
    except OutOfTime as err:
        return Failed(SPENT, err)
    except Exception as err:
        answer = err
    if (watch := watched(work.subject.classifier.backend)) is not None:
        watch.check(str(task))
    return Failed(reason_of(answer), answer) if isinstance(answer, Exception) else answer


class Crew:
    """The work on all tasks of a schedule.

    Args:
        work: what every task needs.
        schedule: has the tasks.
        stages: told of progress.
        finished_parts: told of every part.
    """

    def __init__(self, work: Work, schedule: Schedule, stages: Stages, finished_parts: FinishedParts) -> None:
        self._work, self._schedule, self._stages, self._finished_parts = work, schedule, stages, finished_parts
        self._come = 0.0  # how far the task at work has come, from 0 to 1

    def run(self) -> None:
        """Do all tasks.

        Raises:
            AuditError: what ends the whole audit.
        """
        while (task := self._schedule.next()) is not None:
            self._come = 0.0
            self._report(task, self._schedule.stage, 0, 1)
            stages = self._stages.reporting_to(lambda *progress, task=task: self._report(task, *progress))
            try:
                answer = attempt(task, self._work, stages)
            except ModelChanged as err:
                self._schedule.stop(task, err)
                continue
            if isinstance(answer, Failed):
                self._schedule.failed(task, answer.reason, answer.err)
            else:
                self._finished_parts.add(answer)
                self._schedule.done(task, answer)

    def _report(self, task: Task, stage: str, done: int, total: int, detail: str = "") -> None:
        finished, wanted = self._schedule.progress
        if self._schedule.stage != PAIRS:
            (a, b), *_ = task.pairs
            self._stages.report(self._schedule.stage, finished, wanted, f"classes {a} and {b}")
            return
        if stage in PHASES:
            low, high = PHASES[stage]
            self._come = max(self._come, low + (high - low) * min(1.0, done / max(1, total)))
        come = round(STEPS * (finished + len(task.pairs) * self._come))
        detail = f"{finished} of {wanted} pairs, {stage} {100 * done // max(1, total)} %"
        self._stages.report(PAIRS, come, STEPS * wanted, detail)
