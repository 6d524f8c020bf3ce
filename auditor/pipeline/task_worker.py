"""A helper of an audit: it opens model and data, takes over what the first worker shares, and does what it is given."""

from __future__ import annotations

from typing import Never

from auditor.documents.messages import Job, Open, Ready, Shared, TaskIn, TaskOut, Waiting, Want
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.crew import outcome, steps_within
from auditor.pipeline.model_and_data import open_subject
from auditor.pipeline.pairs.shard import Work
from auditor.pipeline.shared_work import shared_work, with_shared_generator
from auditor.pipeline.stages import Stages
from auditor.worker.channel import Channel


def work_on_tasks(job: Job, channel: Channel) -> Never:
    """Work until the parent ends this process.

    Args:
        job: plan of the audit, number of this worker, and whether it waits before it opens anything.
        channel: to the parent.
    Raises:
        AuditError: model or data stand in the way, or are not those that the first worker opened.
    """
    plan, number = job.plan, job.number
    if job.early:
        channel.send(Waiting())
        while not isinstance(channel.next(), Open):
            pass
    subject = open_subject(plan, channel.report)
    channel.send(Ready())
    work: Work | None = None
    pairs: list[ClassPair] = []
    while True:
        message = channel.next()
        if isinstance(message, Shared) and message.name == "work":
            work, pairs = shared_work(plan, subject)
            channel.send(Want(worker=number))
        elif isinstance(message, Shared):
            assert work is not None
            work = with_shared_generator(work, pairs, Stages(channel.report))
        elif isinstance(message, TaskOut):
            assert work is not None
            done = outcome(message.task, work, Stages(steps_within(message.task, channel.report)))
            channel.send(TaskIn(worker=number, task=message.task, outcome=done))
            channel.send(Want(worker=number))
