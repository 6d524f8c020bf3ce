"""Whether an error says that memory ran out, in the words of torch, ONNX Runtime and CUDA."""

from __future__ import annotations

_SAID = (
    "bad_alloc", "bad allocation", "can't allocate memory", "cannot allocate memory", "failed to allocate memory",
    "out of memory",
)  # fmt: skip


def lacks_memory(err: BaseException) -> bool:
    """Whether the error, or what it came from, is a lack of memory."""
    cause: BaseException | None = err
    while cause is not None:
        if isinstance(cause, MemoryError) or any(said in " ".join(str(cause).split()).lower() for said in _SAID):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
