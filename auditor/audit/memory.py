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
    while cause is not None:
        text = " ".join(str(cause).split())
        if any(said in text.lower() for said in _SAID):
            limit = AuditIncomplete(
                "expected the model to fit the memory limit of the worker process; found "
                f"{text[:200]}; use a machine with more memory, or look whether the file is what it should be"
            )
            limit.__cause__ = err
            return limit
        cause = cause.__cause__ or cause.__context__
    return None
