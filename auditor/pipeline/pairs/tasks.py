"""A task done: its part, equal in every worker that holds the same work."""

from __future__ import annotations

import time

from auditor.documents.pair_outcomes import BaselinesPart, PairsPart
from auditor.documents.tasks import Task
from auditor.pipeline.pairs.shard import Work, run_baselines, run_shard
from auditor.pipeline.stages import Stages
from auditor.worker.processor import processor


def run_task(task: Task, work: Work, stages: Stages) -> PairsPart | BaselinesPart:
    """Do one task.

    Args:
        task: what to do.
        work: what every task of the audit needs.
        stages: told of progress.
    Raises:
        Exception: whatever the model, or memory, makes of it.
    """
    if task.kind == "full":
        return run_shard(task.pairs, work, stages).model_copy(update={"processor": processor()})
    (pair,), begin = task.pairs, time.perf_counter()
    measured, cost, bad = work.metered(lambda: run_baselines([pair], work, stages))
    forth, back = measured.values()
    seconds = time.perf_counter() - begin
    return BaselinesPart(
        classes=pair, directions=(forth, back), cost=cost, seconds=seconds, processor=processor(), not_finite=bad
    )
