"""A runtime that runs out of memory met a limit of the worker; the input may be fine on a larger machine."""

from __future__ import annotations

from auditor.errors import AuditIncomplete

_SAID = (
    "bad_alloc", "bad allocation", "can't allocate memory", "cannot allocate memory", "failed to allocate memory",
    "out of memory",
)  # fmt: skip
"""What torch, ONNX Runtime and CUDA say."""


def out_of_memory(err: BaseException) -> AuditIncomplete | None:
    """The error as a limit met, where it or what it came from is a lack of memory; None otherwise."""
    cause: BaseException | None = err
    found = "no more memory" if isinstance(err, MemoryError) else ""
    while cause is not None:
        lines = [line for line in str(cause).splitlines() if any(said in line.lower() for said in _SAID)]
        found = lines[0].strip() if lines else found  # the innermost says it in the fewest words
        cause = cause.__cause__ or cause.__context__
    if not found:
        return None
    limit = AuditIncomplete(
        "expected the model to fit the memory limit of the worker process; found "
        f"{found[:200]}; use a machine with more memory, or look whether the file is what it should be"
    )
    limit.__cause__ = err
    return limit
