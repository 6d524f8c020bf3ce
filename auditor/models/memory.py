"""Whether an error says that memory ran out, in the words of torch, ONNX Runtime and CUDA."""

from __future__ import annotations

_SAID = (
    # the C++ library, the system, torch's allocators
    "bad_alloc", "bad allocation", "can't allocate memory", "cannot allocate memory", "not enough memory",
    "insufficient memory", "out of memory", "out_of_memory", "outofmemory",
    # ONNX Runtime's arena
    "failed to allocate memory", "is smaller than requested bytes", "bfcarena::allocate", "bfcarena::extend",
    # CUDA's runtime and its libraries, whose statuses are CUBLAS_STATUS_ALLOC_FAILED and the like
    "errormemoryallocation", "alloc_failed", "allocation_failed",
)  # fmt: skip


def lack_of_memory(err: BaseException) -> str:
    """What the error, or what it came from, says of a lack of memory; empty where it is another error."""
    cause: BaseException | None = err
    found = "no more memory" if isinstance(err, MemoryError) or type(err).__name__ == "OutOfMemoryError" else ""
    while cause is not None:
        lines = [line for line in str(cause).splitlines() if any(said in line.lower() for said in _SAID)]
        if lines:
            found = lines[0].strip()  # the innermost says it in the fewest words
        cause = cause.__cause__ or cause.__context__
    return found


def release_cached() -> None:
    """Give memory of the GPU back that torch keeps for later, so that ONNX Runtime can have it."""
    import torch  # not above: the worker reads this file before it closes itself in

    torch.cuda.empty_cache()
