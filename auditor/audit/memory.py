"""A runtime that runs out of memory met a limit of the worker; the input may be fine on a larger machine."""

from __future__ import annotations

from auditor.errors import AuditIncomplete
from auditor.models.memory import lack_of_memory


def out_of_memory(err: BaseException) -> AuditIncomplete | None:
    """The error as a limit met, where it or what it came from is a lack of memory; None otherwise."""
    found = lack_of_memory(err)
    if not found:
        return None
    limit = AuditIncomplete(
        "expected the model to fit the memory limit of the worker process; found "
        f"{found[:200]}; use a machine with more memory, or look whether the file is what it should be"
    )
    limit.__cause__ = err
    return limit
