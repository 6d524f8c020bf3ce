"""What the worker says to its parent: one JSON line each, in a closed set of kinds."""

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


class Job(Document):
    """What the parent asks for: a whole audit, a look at the model, or what it says of another's boundary instances.

    ``started`` is in seconds of the clock that nobody sets (``time.monotonic``), which all processes share; ``found``
    is what an earlier run left behind, ``network`` the variables that say how to reach data sets.
    """

    task: Literal["audit", "inspect", "revisit"]
    plan: Plan
    started: float = Field(default_factory=time.monotonic)
    found: Found | None = None
    network: dict[str, str] = Field(default_factory=dict)


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


Message = Progress | Notice | Failure | Begun | PartDone | Finished | Inspected | Revisited
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
