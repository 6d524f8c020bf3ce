"""Whoever works on the tasks of an audit: they are taken from the schedule, done, and given back to it.

This process works itself. Where it has helpers, it hands tasks to them as they ask for more, in a thread beside its own
work; its own generator then learns what it learns from the audit as a whole while they do what needs nothing of that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from auditor.documents.messages import (
    Helpers as HelpersStarted,
)
from auditor.documents.messages import (
    HelpWanted,
    Lost,
    Message,
    Outcome,
    Shared,
    TaskIn,
    TaskOut,
    Want,
    error_from,
    failure_from,
)
from auditor.documents.pair_outcomes import BaselinesPart, PairsPart, ScreenedPart
from auditor.documents.results import TaskFacts
from auditor.documents.tasks import PAIRS, STEPS, Task
from auditor.errors import AuditError
from auditor.models.determinism import ModelChanged, add_not_finite, not_finite, watched
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.failures import out_of_memory, reason_of
from auditor.pipeline.model_and_data import Subject
from auditor.pipeline.pairs.generation import GenerationSetup
from auditor.pipeline.pairs.shard import Work
from auditor.pipeline.pairs.tasks import run_task
from auditor.pipeline.provenance import peak_memory
from auditor.pipeline.resume import FinishedParts
from auditor.pipeline.schedule import Schedule
from auditor.pipeline.shared_work import MOST_BYTES, share_generator, share_work
from auditor.pipeline.stages import Report, Stages
from auditor.pipeline.time_budget import SPENT, OutOfTime
from auditor.worker.channel import Channel
from auditor.worker.processor import processor

PHASES = {
    "Component I": (0.0, 0.15),
    "Component II": (0.15, 0.3),
    "Minimal-norm attack": (0.3, 0.65),
    "Characteristics": (0.65, 0.95),
}
"""From where to where the work on a task has come in each of its long stages, about; in the others it stands."""
FIRST = 1
"""Number of this worker."""
SECONDS_BETWEEN_SIGNS = 10.0
"""A worker that waits for its helpers says so, that nobody takes it for one that hangs."""


class Helpers:
    """The way to helpers of this process, by way of its parent; without a channel there are none.

    Args:
        channel: to the parent.
        workers: that there may be in all.
        deaths: of earlier workers of this command.
    Attributes:
        count: of those that are being started.
    """

    def __init__(self, channel: Channel | None = None, workers: int = 1, deaths: Sequence[Lost] = ()) -> None:
        self._channel, self._workers, self.deaths = channel, workers, list(deaths)
        self.count = 0

    def ask_for(self, tasks: int, subject: Subject, work: int, growth: int) -> None:
        """Say that helpers could be used, and hear how many come.

        Args:
            tasks: that there are at most.
            subject: what they will open.
            work: bytes of answers that they will be handed.
            growth: bytes that a worker comes to hold while it works.
        """
        if self._channel is None or self._workers < 2:
            return
        tasks = 0 if work > MOST_BYTES else tasks
        device, threads = subject.classifier.device.type, subject.artefact.threads
        memory = max(1, peak_memory()) + growth
        self.send(HelpWanted(tasks=tasks, device=device, threads=threads, memory=memory, growth=growth))
        answer = self._channel.next()
        if not isinstance(answer, HelpersStarted):
            raise AssertionError(f"the parent said {answer.kind}")
        self.count = answer.count

    def send(self, message: Message) -> None:
        """Say something to the parent, if there is one that listens."""
        if self._channel is not None and self._workers > 1:
            self._channel.send(message)

    def share_work(self, work: Work, pairs: Sequence[ClassPair]) -> None:
        """Hand over what tasks need."""
        if self.count:
            share_work(work, list(pairs))
            self.send(Shared(name="work"))

    def share_generator(self, setup: GenerationSetup) -> None:
        """Hand over what the generator has learned."""
        if self.count:
            share_generator(setup)
            self.send(Shared(name="generator"))

    def listen(self, answer: Callable[[Message], None]) -> None:
        """Have whatever helpers say from now on answered in a thread of its own."""
        if self.count:
            assert self._channel is not None
            self._channel.answer_with(answer)


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
        answer = run_task(task, work, stages).model_copy(update={"processor": processor()})
    except OutOfTime as err:
        return Failed(SPENT, err)
    except Exception as err:
        answer = err
    if (watch := watched(work.subject.classifier.backend)) is not None:
        watch.check(str(task))
    return Failed(reason_of(answer), answer) if isinstance(answer, Exception) else answer


def outcome(task: Task, work: Work, stages: Stages) -> Outcome:
    """Do a task for another process: ``attempt``, whatever comes of it."""
    backend, known = work.subject.classifier.backend, Outcome()
    before = not_finite(backend)
    try:
        answer = attempt(task, work, stages)
        if isinstance(answer, Failed):
            known = Outcome(reason=answer.reason, failure=failure_from(out_of_memory(answer.err) or answer.err))
        else:
            known = Outcome(part=answer)
    except ModelChanged as err:
        known = Outcome(changed=err.found)
    except Exception as err:
        known = Outcome(failure=failure_from(out_of_memory(err) or err))
    watch = watched(backend)
    about = {
        "noise": 0.0 if watch is None else watch.noise,
        "not_finite": not_finite(backend) - before,
        "seconds": dict(stages.seconds),
        "memory": peak_memory(),
    }
    return known.model_copy(update=about)


def steps_within(task: Task, report: Report) -> Report:
    """A report of a task's stages that tells how many steps of progress it has come to, with the stage in words."""
    come = [0.0]

    def told(stage: str, done: int, total: int, detail: str = "") -> None:
        if stage in PHASES:
            low, high = PHASES[stage]
            come[0] = max(come[0], low + (high - low) * min(1.0, done / max(1, total)))
        most = STEPS * len(task.pairs)
        report(PAIRS, round(most * come[0]), most, f"{stage} {100 * done // max(1, total)} %")

    return told


class Crew:
    """The work on all tasks of a schedule.

    Args:
        work: what every task needs, its generator not yet prepared.
        schedule: has the tasks.
        prepare: gives the setup whose generator has learned what it learns from the audit as a whole.
        stages: told of progress.
        finished_parts: told of every part that this process makes.
        helpers: to whom tasks are handed.
    Attributes:
        memory: by number of a helper the most bytes that it held.
        tasks: that have been done.
    """

    def __init__(
        self,
        work: Work,
        schedule: Schedule,
        prepare: Callable[[], GenerationSetup],
        stages: Stages,
        finished_parts: FinishedParts,
        helpers: Helpers,
    ) -> None:
        self._work, self._schedule, self._prepare = work, schedule, prepare
        self._stages, self._finished_parts, self._helpers = stages, finished_parts, helpers
        self._prepared = False
        self._idle, self._seconds = list[int](), list[dict[str, float]]()
        self._fatal: BaseException | None = None
        self._changed = threading.Condition()  # held by whoever asks the schedule or tells it something
        self.memory, self.tasks = dict[int, int](), list[TaskFacts]()

    @property
    def setup(self) -> GenerationSetup:
        """Who makes the boundary instances, as far as that has been prepared."""
        return self._work.setup

    def run(self) -> None:
        """Do all tasks.

        Raises:
            AuditError: what ends the whole audit.
        """
        for death in self._helpers.deaths:
            if death.task is not None:
                self._schedule.lost(death.task, death.reason)
        self._helpers.listen(self._hear)
        if self._helpers.count and self._work.plan.time_budget is None and self._schedule.wants_preparation:
            self._get_ready()
        while (task := self._next()) is not None:
            self._do(task)
        if not self._prepared and self._schedule.any_in_full:  # of an earlier run: results say how they were made
            self._get_ready()
        for seconds in self._seconds:
            for stage, spent in seconds.items():
                self._stages.seconds[stage] = self._stages.seconds.get(stage, 0.0) + spent

    def _next(self) -> Task | None:
        """The next task for this process, once there is one; None where all are done."""
        while True:
            with self._changed:
                while not self._schedule.finished:
                    if self._fatal is not None:
                        raise self._fatal
                    if (task := self._schedule.next(prepared=self._prepared)) is not None:
                        self._helpers.send(TaskOut(worker=FIRST, task=task))
                        return task
                    if not self._prepared and self._schedule.wants_preparation:
                        break
                    if not self._changed.wait(SECONDS_BETWEEN_SIGNS):
                        self._report(0, "waiting for other workers")
                else:
                    return None
            self._get_ready()

    def _get_ready(self) -> None:
        setup = self._prepare()
        self._helpers.share_generator(setup)
        with self._changed:
            self._work, self._prepared = replace(self._work, setup=setup), True
            self._hand_out()

    def _do(self, task: Task) -> None:
        def report(stage: str, done: int, total: int, detail: str = "") -> None:
            self._report(done, detail)

        self._report(0, str(task))
        stages = self._stages.reporting_to(steps_within(task, report))
        answer: PairsPart | ScreenedPart | BaselinesPart | Failed | ModelChanged
        try:
            answer = attempt(task, self._work, stages)
        except ModelChanged as err:
            answer = err
        with self._changed:
            if isinstance(answer, ModelChanged):
                self._schedule.stop(task, answer)
            elif isinstance(answer, Failed):
                self._schedule.failed(task, answer.reason, answer.err)
            else:
                self._finished_parts.add(answer)
                self._done(task, answer)
            self._hand_out()

    def _hear(self, message: Message) -> None:
        """What the parent says while this process works."""
        with self._changed:
            try:
                if isinstance(message, Want):
                    self._idle.append(message.worker)
                elif isinstance(message, TaskIn):
                    self._settle(message)
                elif isinstance(message, Lost):
                    self._idle = [number for number in self._idle if number != message.worker]
                    if message.task is not None:
                        self._schedule.lost(message.task, message.reason)
                self._hand_out()
            except BaseException as err:
                self._fatal = err
            self._changed.notify_all()

    def _settle(self, message: TaskIn) -> None:
        """Take note of how a helper's task has ended."""
        task, ended = message.task, message.outcome
        self.memory[message.worker] = ended.memory
        self._seconds.append(ended.seconds)
        backend = self._work.subject.classifier.backend
        add_not_finite(backend, ended.not_finite)
        watch = watched(backend)
        if watch is not None:
            watch.noise = max(watch.noise, ended.noise)
        if ended.part is not None:
            self._done(task, ended.part)
        elif ended.changed is not None:
            if watch is not None:
                watch.changed = watch.changed or ended.changed
            self._schedule.stop(task, ModelChanged(ended.changed))
        else:
            err = AuditError(ended.reason) if ended.failure is None else error_from(ended.failure)
            if not ended.reason:
                raise err
            self._schedule.failed(task, ended.reason, err)

    def _done(self, task: Task, part: PairsPart | ScreenedPart | BaselinesPart) -> None:
        about = TaskFacts(kind=task.kind, pairs=list(task.pairs), seconds=part.seconds, processor=part.processor)
        self.tasks.append(about)
        self._schedule.done(task, part)

    def _hand_out(self) -> None:
        """Give tasks to idle helpers."""
        while self._idle and (task := self._schedule.next(prepared=self._prepared)) is not None:
            self._helpers.send(TaskOut(worker=self._idle.pop(0), task=task))

    def _report(self, come: int, detail: str) -> None:
        """Say how far all tasks have come, this process's own as far as ``come`` steps."""
        finished, wanted = self._schedule.progress
        detail = f"{finished} of {wanted} pairs, {detail}"
        if self._schedule.stage != PAIRS:
            self._stages.report(self._schedule.stage, finished, wanted, detail)
        else:
            self._stages.report(PAIRS, STEPS * finished + come, STEPS * wanted, detail)
