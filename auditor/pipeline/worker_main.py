"""The child process: a job comes in as one JSON line, messages go out as JSON lines, nothing else does.

Everything that touches the model file happens here, so that a parent can kill it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

from auditor.documents.messages import Finished, Inspected, Job, Message, Notice, Revisited, failure_from
from auditor.pipeline.failures import out_of_memory
from auditor.plugin_registry import skipped
from auditor.worker.channel import Channel
from auditor.worker.sandbox import enter, missing, warning
from auditor.worker.sandbox.limits import START
from auditor.worker.sandbox.processes import die_with_parent


def main() -> None:
    """Do one job and say how it ended."""
    die_with_parent()
    channel = Channel()
    try:
        job = channel.job()
        answer: Message = _do(job, channel)
    except BaseException as err:
        answer = failure_from(out_of_memory(err) or err)
    _flush()  # first, because the parent may end this process once it has the answer
    channel.send(answer)
    # A runtime's threads or a full garbage collection must not delay an answer that has been given.
    os._exit(0)


def _flush() -> None:
    """Write out what has been printed, also by native libraries."""
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(TypeError, OSError, AttributeError):  # on Windows the C library is not found like this
        ctypes.CDLL(None).fflush(None)


def _do(job: Job, channel: Channel) -> Finished | Inspected | Revisited:
    channel.report(START, 0, 1)
    if job.task != "help":  # the first worker has fetched the data
        _fetch(job, channel)
    enter(job.plan)
    channel.listen()
    if lacking := missing():
        channel.send(Notice(text=warning(lacking)))
    if job.task == "audit":
        return _audited(job, channel)
    if job.task == "help":
        from auditor.pipeline.task_worker import work_on_tasks

        work_on_tasks(job, channel)
    answer: Inspected | Revisited
    if job.task == "inspect":
        from auditor.pipeline.inspect.inspect_model import inspect

        answer = Inspected(inspection=inspect(job.plan, channel.report))
    else:
        from auditor.pipeline.boundary_transfer import revisit

        answer = Revisited(directions=revisit(job.plan, channel.report))
    if text := skipped():  # an audit's results say so themselves
        channel.send(Notice(text=text))
    return answer


def _audited(job: Job, channel: Channel) -> Finished:
    from auditor.pipeline.crew import Helpers
    from auditor.pipeline.resume import FinishedParts
    from auditor.pipeline.run import run

    finished_parts = FinishedParts(job.found, channel.send, made=job.made)
    helpers = Helpers(channel, job.workers, job.deaths)
    results, facts = run(job.plan, channel.report, started=job.started, finished_parts=finished_parts, helpers=helpers)
    return Finished(results=results, run=facts)


def _fetch(job: Job, channel: Channel) -> None:
    """Download a known data set while there still is a network, before the model file has been looked at.

    Where it can be, in a process that is gone before the model comes, with the threads that reading starts, which
    Landlock would not bind, and the variables that say how to reach the network.
    """
    if not job.plan.downloads:
        return
    if sys.platform != "linux":
        _load(job)
    elif child := os.fork():
        _, status = os.waitpid(child, 0)
        if status:
            os._exit(1)  # it has said why
    else:
        die_with_parent()
        try:
            _load(job)
        except BaseException as err:
            channel.send(failure_from(out_of_memory(err) or err))
            os._exit(1)
        os._exit(0)


def _load(job: Job) -> None:
    from auditor.datasets.load import load_dataset
    from auditor.pipeline.model_and_data import data_request

    assert job.plan.data is not None
    os.environ.update(job.network)
    try:
        load_dataset(data_request(job.plan.data, job.plan.seed), None)
    finally:
        for name in job.network:
            del os.environ[name]


if __name__ == "__main__":
    main()
