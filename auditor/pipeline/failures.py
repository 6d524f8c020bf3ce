"""Errors that are no fault of a user's: a model that fails on a part of an audit, memory that runs out."""

from __future__ import annotations

import traceback
from contextvars import ContextVar

from auditor.errors import AuditError, AuditIncomplete, InputRefused, one_line
from auditor.models.memory import lack_of_memory

SHOWN = ContextVar("SHOWN", default=True)
"""Whether tracebacks go to standard error: to a worker's, which --verbose shows, never to the caller's own."""


def let_go(err: BaseException) -> None:
    """Print an error's traceback for a worker's --verbose, and free the tensors that it holds."""
    if SHOWN.get():
        traceback.print_exception(err)
    traceback.clear_frames(err.__traceback__)


def reason_of(err: Exception) -> str:
    """Why a part is missing, in a line, once its traceback has been printed and its tensors let go.

    Raises:
        AuditError: the error itself where the next part would fare no better, as where a file cannot be written.
    """
    if isinstance(err, AuditError) and not isinstance(err, InputRefused):
        raise err
    let_go(err)
    if memory := lack_of_memory(err):
        return one_line(f"memory ran out: {memory}")
    return err.found if isinstance(err, InputRefused) else one_line(f"{type(err).__name__}: {err}")


def out_of_memory(err: BaseException) -> AuditIncomplete | None:
    """The error as a limit of the worker that was met, where a lack of memory caused it; None otherwise.

    The input may be fine on a larger machine.
    """
    found = lack_of_memory(err)
    if not found:
        return None
    limit = AuditIncomplete(
        "expected the model to fit the memory limit of the worker process; found "
        f"{found[:200]}; use a machine with more memory, or look whether the file is what it should be"
    )
    limit.__cause__ = err
    return limit
