"""The child process: a job comes in as one JSON line, messages go out as JSON lines, nothing else does.

Everything that touches the model file happens here, so that a parent can kill it. Standard output is the
channel to the parent; it is set aside first and replaced by standard error, so that a line printed by a
native library cannot corrupt it.
"""

from __future__ import annotations

import io
import os
import sys
import threading

from auditor.audit.memory import out_of_memory
from auditor.audit.messages import Finished, Inspected, Job, Message, Progress, Revisited, failure_from
from auditor.audit.plan import DOWNLOADED, Plan
from auditor.audit.sandbox import enter
from auditor.audit.sandbox.limits import START


class Channel:
    """The way to the parent: one message, one line, written at once."""

    def __init__(self) -> None:
        self._file = io.BufferedWriter(io.FileIO(os.dup(sys.stdout.fileno()), "w"))
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(self, message: Message) -> None:
        """Write a message."""
        self._file.write(message.model_dump_json().encode() + b"\n")
        self._file.flush()

    def report(self, stage: str, done: int, total: int, detail: str = "") -> None:
        """Progress in the shape that every stage of the audit takes."""
        self.send(Progress(stage=stage, done=done, total=total, detail=detail))


def main() -> None:
    """Do one job and say how it ended."""
    channel = Channel()
    try:
        job = Job.model_validate_json(sys.stdin.buffer.readline())
        _die_with_parent()
        channel.send(_do(job, channel))
    except BaseException as err:
        channel.send(failure_from(out_of_memory(err) or err))
    # A runtime's threads or a full garbage collection must not delay an answer that has been given.
    sys.stderr.flush()
    os._exit(0)


def _do(job: Job, channel: Channel) -> Finished | Inspected | Revisited:
    channel.report(START, 0, 1)
    _fetch(job.plan)
    enter(job.plan)
    if job.task == "inspect":
        from auditor.audit.inspection import inspect

        return Inspected(inspection=inspect(job.plan, channel.report))
    if job.task == "revisit":
        from auditor.audit.revisit import revisit

        return Revisited(directions=revisit(job.plan, channel.report))
    from auditor.audit.ledger import Ledger
    from auditor.audit.run import run

    results, facts = run(job.plan, channel.report, started=job.started, ledger=Ledger(job.found, channel.send))
    return Finished(results=results, run=facts)


def _fetch(plan: Plan) -> None:
    """Download a known data set while there still is a network, before the model file has been looked at."""
    if plan.data is not None and plan.data.download and plan.data.data in DOWNLOADED:
        from auditor.audit.subject import data_request
        from auditor.datasets.load import load_dataset

        load_dataset(data_request(plan.data, plan.seed), None)


def _die_with_parent() -> None:
    """End this process when standard input closes, which it does when the parent ends for whatever reason."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    main()
