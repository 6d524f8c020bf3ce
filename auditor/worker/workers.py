"""The parent's side of a job: its worker, the helpers of an audit's, what they say to each other, and who dies.

Only the first worker knows what there is to do. It says that it could use help; helpers are started as far as the
machine allows, a few of them beforehand, when they only wait for the word. They get a copy of what it shares, and are
handed tasks by it. Every part is kept before the first worker hears of it. When a helper dies, its task is tried again
elsewhere; when the first worker dies over a task, another takes its place and goes on from the parts so far. Helpers
are started by the thread that waits for the end, since they end with it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from queue import Queue
from types import TracebackType
from typing import Self

from pydantic import TypeAdapter, ValidationError

from auditor.documents.messages import (
    Begun,
    Failure,
    Finished,
    Helpers,
    HelpWanted,
    Inspected,
    Job,
    Lost,
    Message,
    Notice,
    Open,
    PartDone,
    Progress,
    Ready,
    Revisited,
    Shared,
    SharedName,
    TaskIn,
    TaskOut,
    Waiting,
    Want,
    error_from,
    read_message,
)
from auditor.documents.pair_outcomes import Part
from auditor.documents.tasks import PAIRS
from auditor.errors import AuditIncomplete
from auditor.numbers.class_pairs import AUTO
from auditor.worker.engine import Engine, Event, Helper
from auditor.worker.machine import most_workers, workers_for
from auditor.worker.process import Worker
from auditor.worker.sandbox.environment import for_downloads
from auditor.worker.sandbox.gpu import make_ready
from auditor.worker.sandbox.limits import DATA, START
from auditor.worker.sandbox.processes import adopt

_EVENTS = 64
"""Lines that wait to be read; beyond, those who say them wait."""
FIRST = 1
"""Number of the first worker."""
EARLY = 3
"""Helpers at most that are started with the first worker: they load their libraries while it opens model and data."""
_part: TypeAdapter[Part] = TypeAdapter(Part)
Keep = Callable[[Begun | PartDone], None]


class Workers:
    """All workers of one job. Use it in a ``with`` block: leaving the block kills them.

    Args:
        job: what to do.
        jobs: workers that an audit may have; None leaves the number to the machine.
        engine: where helpers come from, in the place of this machine.
        verbose: tell what workers write to their standard error, with whatever native libraries print.
        tell: given each line for the user, as a worker wrote it: it may hold control characters.
    """

    def __init__(
        self,
        job: Job,
        *,
        jobs: int | None = 1,
        engine: Engine | None = None,
        verbose: bool = False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        make_ready()
        self._job, self._asked, self._engine, self._verbose, self._tell = job, jobs, engine, verbose, tell
        self._most = 1 if job.task != "audit" else most_workers(jobs) if engine is None else 1 + engine.most
        self._events: Queue[Event] = Queue(_EVENTS)
        self._begun: Begun | None = None
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed by kill(); parts, in case the first worker dies
        self._deaths = list[Lost]()
        self._helpers = dict[int, Helper]()
        self._adopted_before = adopt()
        self._start_first()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """End all workers and all that they started; a second call does nothing."""
        for worker in (self.first, *self._helpers.values()):
            worker.kill()
        adopt(self._adopted_before)
        self._spool.close()

    def outcome(
        self, report: Callable[[Progress], None], keep: Keep = lambda _: None
    ) -> Finished | Inspected | Revisited:
        """Wait for the end of the job, passing progress on.

        Args:
            report: told of progress.
            keep: given each finished part at once, and before the first what the worker goes on from.
        Raises:
            AuditError: the error that ended the job, as the worker raised it, or that of ``keep``.
            AuditIncomplete: the worker died, or said something that is no message.
        """
        while True:
            worker, line = self._events.get()
            if worker is not self.first and worker not in self._helpers.values():
                continue  # the last words of one that was given up
            if line is None:
                self._died(worker)
                continue
            message = _read(line)
            if worker is not self.first:
                self._from_helper(worker, message, line, report, keep)
            elif message is None:
                if worker.watch.limit_hit:
                    raise worker.death().error
                raise AuditIncomplete(
                    "expected a message from the worker process; found something else; this is a bug in the tool"
                )
            elif isinstance(message, Failure):
                raise error_from(message)
            elif isinstance(message, Finished | Inspected | Revisited):
                return message
            else:
                self._from_first(message, line, report, keep)

    def _start_first(self) -> None:
        made, job = list[Part](), self._job
        self._spool.seek(0)
        made = [_part.validate_json(line) for line in self._spool]
        told = {"workers": self._most, "made": made, "deaths": self._deaths}
        if job.plan.downloads:
            told["network"] = for_downloads(os.environ)
        self.first = self._started(job.model_copy(update=told))
        self._numbers, self._shared, self._ready = FIRST, list[SharedName](), list[Helper]()
        self._progress: Progress | None = None
        self._early = list[Helper]()
        for _ in range(min(EARLY, self._most - 1) if may_need_help(job) and self._engine is None else 0):
            self._early.append(self._start_helper(early=True))

    def _started(self, job: Job, name: str = "worker") -> Worker:
        def beside() -> int:
            """What other workers hold: helpers end first where memory is short."""
            if job.task != "help":
                return 0
            others = [other for other in (self.first, *list(self._helpers.values())) if other.name != name]
            return sum(other.watch.held for other in others)

        return Worker(job, self._events, name=name, verbose=self._verbose, tell=self._tell, beside=beside)

    def _start_helper(self, *, early: bool = False) -> Helper:
        self._numbers += 1
        job = Job(task="help", plan=self._job.plan, number=self._numbers, early=early)
        name = f"worker {self._numbers}"
        engine = self._engine
        helper: Helper = self._started(job, name) if engine is None else engine.helper(job, self._events, name)
        self._helpers[self._numbers] = helper
        return helper

    def _from_first(self, message: Message, line: bytes, report: Callable[[Progress], None], keep: Keep) -> None:
        if isinstance(message, Progress):
            self.first.watch.heard(message.stage)
            self._progress = message
            self._show(report)
        elif isinstance(message, Notice):
            self._tell(message.text)
        elif isinstance(message, Begun):
            self._begin(message, keep)
        elif isinstance(message, PartDone):
            self.first.task = None
            self._keep(message, keep)
        elif isinstance(message, HelpWanted):
            self._help(message)
        elif isinstance(message, Shared):
            self._shared.append(message.name)
            for worker in self._ready:
                self._hand_over(worker, message.name)
        elif isinstance(message, TaskOut):
            self._task_out(message, line)

    def _from_helper(
        self, worker: Helper, message: Message | None, line: bytes, report: Callable[[Progress], None], keep: Keep
    ) -> None:
        number = next(number for number, helper in self._helpers.items() if helper is worker)
        if isinstance(message, Progress):
            worker.watch.heard(message.stage)
            worker.come = message.done if worker.task is not None else 0
            self._show(report)
        elif isinstance(message, Waiting):
            worker.watch.rest()
        elif isinstance(message, Ready):
            worker.watch.rest()
            self._ready.append(worker)
            for name in self._shared:
                self._hand_over(worker, name)
        elif isinstance(message, Want) and message.worker == number:
            worker.watch.rest()
            self.first.pass_on(line)
        elif isinstance(message, TaskIn) and message.worker == number and message.task == worker.task:
            worker.task, worker.come = None, 0
            if message.outcome.part is not None:
                self._keep(PartDone(part=message.outcome.part), keep)
            self.first.pass_on(line)
        elif isinstance(message, Failure) and self._engine is not None:
            raise error_from(message)
        elif isinstance(message, Failure):
            self._lose(worker, str(error_from(message)), again=False)
        elif not isinstance(message, Notice):  # the first worker has the same to say of the sandbox
            self._lose(worker, "it said what no helper says", again=False)

    def _begin(self, begun: Begun, keep: Keep) -> None:
        if self._begun is None:
            keep(begun)
        elif self._begun.facts != begun.facts:
            changed = next(name for name, fact in begun.facts.items() if self._begun.facts.get(name) != fact)
            raise AuditIncomplete(f"expected an audit that can go on; found a change of {changed}; run it again")
        self._begun = begun

    def _keep(self, done: PartDone, keep: Keep) -> None:
        keep(done)
        self._spool.seek(0, os.SEEK_END)
        self._spool.write(done.part.model_dump_json().encode() + b"\n")

    def _help(self, wanted: HelpWanted) -> None:
        if self._engine is None:
            count, why = workers_for(wanted, self._asked)
        else:
            count, why = 1 + self._engine.helpers_for(wanted), ""
        count = min(count, self._most)
        if why:
            self._tell(why)
        waiting, self._early = [worker for worker in self._early if worker in self._helpers.values()], []
        for worker in waiting[: count - 1]:
            worker.watch.heard(START)
            worker.send(Open())
        for worker in waiting[count - 1 :]:
            self._forget(worker)
        for _ in range(count - 1 - len(waiting)):
            self._start_helper()
        self.first.send(Helpers(count=count - 1))

    def _hand_over(self, worker: Helper, name: SharedName) -> None:
        worker.watch.heard(DATA)
        worker.take_shared(name, self.first.scratch)

    def _task_out(self, message: TaskOut, line: bytes) -> None:
        if message.worker == FIRST:
            self.first.task = message.task
            name = self.first.name
        elif (helper := self._helpers.get(message.worker)) is not None:
            helper.task, name = message.task, helper.name
            helper.watch.heard(PAIRS)
            helper.pass_on(line)
        else:  # it has died meanwhile, with nothing to do
            self.first.send(Lost(worker=message.worker, task=message.task))
            return
        if self._verbose:
            self._tell(f"{name}: {message.task}")

    def _show(self, report: Callable[[Progress], None]) -> None:
        """Progress of all workers together, as what the first one says and what its helpers have come to since."""
        if (progress := self._progress) is not None:
            come = sum(helper.come for helper in self._helpers.values()) if progress.stage == PAIRS else 0
            report(progress.model_copy(update={"done": min(progress.total, progress.done + come)}))

    def _died(self, worker: Helper) -> None:
        """Go on without a worker that says no more.

        Raises:
            AuditIncomplete: it is the first one, and was not at work on class pairs.
        """
        death = worker.death()
        if worker is not self.first:
            self._lose(worker, death.found, again=not (death.for_memory or death.for_good))
            return
        if death.for_good or worker.task is None or self._begun is None:
            raise death.error
        for each in (worker, *self._helpers.values()):
            each.kill()
        self._helpers.clear()
        if death.for_memory:
            self._most = 1
        self._deaths.append(Lost(worker=FIRST, task=worker.task, reason=death.found))
        self._tell(f"warn: over {worker.task} the worker process was lost: found {death.found}; another goes on")
        self._start_first()

    def _lose(self, helper: Helper, found: str, *, again: bool) -> None:
        """Go on without a helper; where it died over a task, with another in its place."""
        number = self._forget(helper)
        over = f" over {helper.task}" if helper.task is not None else ""
        self._tell(f"warn: {helper.name} was lost{over}: found {found}; the others go on")
        lost = Lost(worker=number, task=helper.task, reason=found if helper.task is not None else "")
        if helper.task is not None:
            self._deaths.append(lost)
        self.first.send(lost)
        if again and helper.task is not None:
            self._start_helper()

    def _forget(self, helper: Helper) -> int:
        """End a helper; returns its number."""
        number = next(number for number, other in self._helpers.items() if other is helper)
        del self._helpers[number]
        self._ready = [other for other in self._ready if other is not helper]
        helper.kill()
        return number


def may_need_help(job: Job) -> bool:
    """Whether an audit is likely to have work for several workers, and one of them nothing to wait for but its model.

    That takes more than one class pair, data that are there, and no GPU, which one worker serves.
    """
    plan = job.plan
    several = plan.pairs.strip() in ("all", AUTO) or "," in plan.pairs
    return job.task == "audit" and several and not plan.downloads and not plan.model.device.startswith("cuda")


def _read(line: bytes) -> Message | None:
    """The message in a line; None where there is none."""
    try:
        return read_message(line)
    except ValidationError:
        return None
