"""A task done: its part, equal in every worker that holds the same work."""

from __future__ import annotations

import time

from auditor.documents.pair_outcomes import BaselinesPart, PairsPart, ScreenedPart
from auditor.documents.tasks import Task
from auditor.pipeline.pairs.outline import run_outline
from auditor.pipeline.pairs.screening import by_direction, run_screening
from auditor.pipeline.pairs.shard import Work, run_baselines, run_shard
from auditor.pipeline.stages import Stages
from auditor.pipeline.time_budget import at_most


def run_task(task: Task, work: Work, stages: Stages) -> PairsPart | ScreenedPart | BaselinesPart:
    """Do one task.

    Args:
        task: what to do.
        work: what every task of the audit needs.
        stages: told of progress.
    Raises:
        OutOfTime: the task's seconds have passed.
        Exception: whatever the model, or memory, makes of it.
    """
    with at_most(task.seconds, work.subject.classifier.spent):
        if task.kind == "screen":
            return run_screening(task.pairs, task.samples, task.known, work, stages)
        if task.kind == "outline":
            return run_outline(task.pairs, by_direction(task.known), work, stages)
        if task.kind == "full":
            return run_shard(task.pairs, work, stages, by_direction(task.known))
        (pair,), begin = task.pairs, time.perf_counter()
        measured, cost, bad = work.metered(lambda: run_baselines([pair], work, stages))
    forth, back = measured.values()
    seconds = time.perf_counter() - begin
    return BaselinesPart(classes=pair, directions=(forth, back), cost=cost, seconds=seconds, not_finite=bad)
