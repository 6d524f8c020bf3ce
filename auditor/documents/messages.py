"""What workers and their parent say to each other: one JSON line each, in a closed set of kinds.

An audit's first worker knows what is to be done and does it; where there are others, its helpers, it hands them tasks.
The parent stands between them: it starts them, passes on what they say, keeps every part and sees who dies.
"""

from __future__ import annotations

import time
import traceback
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from auditor import errors
from auditor.documents.comparison import KeptDirection
from auditor.documents.inspection import Inspection
from auditor.documents.pair_outcomes import Found, Part
from auditor.documents.plan import Plan
from auditor.documents.results import Document, Results, RunFacts
from auditor.documents.tasks import Task


class Lost(Document):
    """A helper has died: to the first worker.

    Args:
        worker: its number.
        task: that it worked on, or was to do, if there was one.
        reason: how it died over the task; empty where it had not begun with it.
    """

    kind: Literal["lost"] = "lost"
    worker: int
    task: Task | None = None
    reason: str = ""


class Job(Document):
    """What the parent asks for: a whole audit, help with one, a look at the model, or what it says of another's
    boundary instances.

    Args:
        started: in seconds of the clock that nobody sets (``time.monotonic``), which all processes share.
        found: what an earlier run left behind.
        network: the variables that say how to reach data sets.
        workers: that there may be in all.
        number: of this worker; the first is 1.
        early: a helper is to make itself ready for model and data, and to open them when it is told to.
        made: parts that this command has made before its first worker died.
        deaths: of this command's workers so far.
    """

    task: Literal["audit", "help", "inspect", "revisit"]
    plan: Plan
    started: float = Field(default_factory=time.monotonic)
    found: Found | None = None
    network: dict[str, str] = Field(default_factory=dict)
    workers: int = Field(default=1, ge=1)
    number: int = Field(default=1, ge=1)
    early: bool = False
    made: list[Part] = Field(default_factory=list)
    deaths: list[Lost] = Field(default_factory=list)


class Progress(Document):
    """Work done in a stage, of the work there is; ``detail`` says on what."""

    kind: Literal["progress"] = "progress"
    stage: str
    done: int
    total: int
    detail: str = ""


class Notice(Document):
    """A line for the user."""

    kind: Literal["notice"] = "notice"
    text: str


class Failure(Document):
    """The error that ended the work: its class in ``auditor.errors``, its arguments and its traceback."""

    kind: Literal["failure"] = "failure"
    error: str
    arguments: list[str]
    trace: str


class Begun(Document):
    """What the worker goes on from.

    Args:
        facts: under which this run's parts are made.
        changed: facts in which an earlier run differs, so that nothing of it is used; empty where nothing differs.
        taken: pairs that an earlier run finished.
        wanted: pairs of this audit.
    """

    kind: Literal["begun"] = "begun"
    facts: dict[str, str]
    changed: list[str]
    taken: int
    wanted: int


class PartDone(Document):
    """A part is finished."""

    kind: Literal["part"] = "part"
    part: Part


class HelpWanted(Document):
    """From the first worker: it knows what there is to do, and that others could help.

    Args:
        tasks: how many there are at most.
        device: type of device that computes.
        threads: of each worker.
        memory: bytes that a helper would come to hold.
        growth: bytes that the first worker will come to hold beside what it holds now.
    """

    kind: Literal["help_wanted"] = "help_wanted"
    tasks: int = Field(ge=0)
    device: str
    threads: int = Field(ge=1)
    memory: int = Field(ge=1)
    growth: int = Field(ge=0)


class Helpers(Document):
    """To the first worker: so many helpers are being started."""

    kind: Literal["helpers"] = "helpers"
    count: int = Field(ge=0)


SharedName = Literal["work", "generator"]
"""What is shared: all that tasks need but what the generator learns from the audit as a whole, and that."""


class Shared(Document):
    """From the first worker: this lies in its folder for temporary files. To a helper: it lies in its own."""

    kind: Literal["shared"] = "shared"
    name: SharedName


class Waiting(Document):
    """From a helper that was started early: nothing but model and data keeps it."""

    kind: Literal["waiting"] = "waiting"


class Open(Document):
    """To a helper that was started early: it is needed."""

    kind: Literal["open"] = "open"


class Ready(Document):
    """From a helper: model and data are open, and it waits for what is shared."""

    kind: Literal["ready"] = "ready"


class Want(Document):
    """From a helper, and passed on: it has nothing to do."""

    kind: Literal["want"] = "want"
    worker: int


class TaskOut(Document):
    """From the first worker, and passed on: this worker is to do this task; the first one says so of itself, too."""

    kind: Literal["task_out"] = "task_out"
    worker: int
    task: Task


class Outcome(Document):
    """How a task ended: with its part, or why there is none.

    Args:
        part: what was made.
        reason: why nothing was, in a line; empty where ``failure`` ends the whole audit.
        failure: the error.
        changed: how the model's answers changed meanwhile.
        noise: largest difference of answers that were asked for twice, as a share of the largest score.
        not_finite: instances for which the model gave NaN or infinity.
        seconds: spent on each stage, by its name.
        memory: most bytes that the worker held so far.
    """

    part: Part | None = None
    reason: str = ""
    failure: Failure | None = None
    changed: str | None = None
    noise: float = 0.0
    not_finite: int = Field(default=0, ge=0)
    seconds: dict[str, float] = Field(default_factory=dict)
    memory: int = 0


class TaskIn(Document):
    """From a helper, and passed on: a task has ended."""

    kind: Literal["task_in"] = "task_in"
    worker: int
    task: Task
    outcome: Outcome


class Finished(Document):
    """The audit is complete."""

    kind: Literal["finished"] = "finished"
    results: Results
    run: RunFacts


class Inspected(Document):
    """The model has been looked at."""

    kind: Literal["inspected"] = "inspected"
    inspection: Inspection


class Revisited(Document):
    """The model has been asked about another's boundary instances."""

    kind: Literal["revisited"] = "revisited"
    directions: list[KeptDirection]


Message = (
    Progress | Notice | Failure | Begun | PartDone | Finished | Inspected | Revisited
    | HelpWanted | Helpers | Shared | Waiting | Open | Ready | Want | TaskOut | TaskIn | Lost
)  # fmt: skip
_messages: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])


def read_message(line: bytes) -> Message:
    """The message in one line."""
    return _messages.validate_json(line)


def failure_from(err: BaseException) -> Failure:
    """An error as a message; one that no user should see is told as an incomplete audit."""
    trace = "".join(traceback.format_exception(err)).encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(err, errors.InputRefused):
        return Failure(error="InputRefused", arguments=[err.expected, err.found, err.action], trace=trace)
    if isinstance(err, errors.AuditError):
        return Failure(error=type(err).__name__, arguments=[str(err)], trace=trace)
    found = f"{type(err).__name__}: {err}" if str(err) else type(err).__name__
    text = f"expected the audit to run to its end; found {found}; run again with --verbose for the traceback"
    text = errors.one_line(text)
    return Failure(error="AuditIncomplete", arguments=[text], trace=trace)


def error_from(failure: Failure) -> errors.AuditError:
    """The error of a message, with the worker's traceback as a note."""
    known = {e.__name__: e for e in (errors.UsageError, errors.InputRefused, errors.AuditIncomplete)}
    err = known.get(failure.error, errors.AuditError)(*failure.arguments)
    err.add_note(f"In the worker process:\n{failure.trace}")
    return err
