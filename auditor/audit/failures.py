"""Errors that cost a part of an audit and not the whole: the model fails on it, memory runs out."""

from __future__ import annotations

import traceback

from auditor.errors import AuditError, InputRefused, one_line
from auditor.models.memory import lack_of_memory


def reason_of(err: Exception) -> str:
    """Why a part is missing, in a line, once its traceback has been printed and its tensors let go.

    Raises:
        AuditError: the error itself where the next part would fare no better, as where a file cannot be written.
    """
    if isinstance(err, AuditError) and not isinstance(err, InputRefused):
        raise err
    traceback.print_exception(err)  # seen with --verbose
    traceback.clear_frames(err.__traceback__)
    if memory := lack_of_memory(err):
        return one_line(f"memory ran out: {memory}")
    return err.found if isinstance(err, InputRefused) else one_line(f"{type(err).__name__}: {err}")
