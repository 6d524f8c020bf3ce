"""The GPU: whether this machine has one, why it is not used, how torch computes on it, and when it is what failed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from auditor.documents.results import Validity
from auditor.errors import AuditIncomplete, error_summary, one_line
from auditor.models.memory import lack_of_memory

if TYPE_CHECKING:
    from auditor.models.base import Backend

_MOST_DEVICES = 32
_OF_A_DEVICE = re.compile(
    r"cuda|cudnn|cublas|cusolver|cusparse|cufft|same device|expected device|two devices|device-side", re.IGNORECASE
)


def compute_exactly(device: torch.device) -> None:
    """Make torch compute in full float32 on a GPU, and alike in every run; settings of the whole process.

    TF32 keeps 10 bits of a number, torch takes it for convolutions unless told otherwise, and a boundary instance is
    right to four decimals of a probability. On a CPU nothing changes.
    """
    if device.type != "cuda":
        return
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    # cuBLAS is reproducible only with a fixed workspace, and reads this before its first call.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Some gradients have no reproducible kernel; those are better than a refusal.
    torch.set_deterministic_debug_mode("warn")
    # That would also fill each new tensor with NaN first, which costs time and finds only errors of ours.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def nvidia_device(root: Path = Path("/")) -> str | None:
    """Where a system shows its NVIDIA device, None where there is none.

    Args:
        root: of the file system. Single files are asked for: listing folders may be forbidden.
    """
    names = [*(f"dev/nvidia{number}" for number in range(_MOST_DEVICES)), "dev/nvidiactl", "proc/driver/nvidia/gpus"]
    return next((f"/{name}" for name in names if (root / name).exists()), None)


def why_no_cuda() -> str:
    """Why torch has no CUDA device."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES is {visible!r}, which hides it"
    version = f"torch {torch.__version__}"
    if torch.version.cuda is None:
        return f"{version} is a build without CUDA"
    try:
        torch.cuda.init()
    except Exception as err:
        return f"{version}: {error_summary(err)}"
    return f"{version} finds no device that it can use"


def unused_device(asked: str, backend: Backend, root: Path = Path("/")) -> Validity | None:
    """The warning that a GPU is there and does not compute the scores, None where there is nothing to say.

    Args:
        asked: the user's ``--device``; who asked for the CPU is not warned.
        backend: the opened model.
        root: of the file system, see ``nvidia_device``.
    """
    place = nvidia_device(root) if asked == "auto" else None
    if place is None or (backend.device.type == "cuda" and backend.missed is None):
        return None
    reason = backend.missed or why_no_cuda()
    message = (
        f"The model was computed on the CPU by {backend.runtime}, though this machine has an NVIDIA device ({place}):"
        f" {reason}. That takes longer and changes no number beyond rounding; docs/gpu.md says what a GPU needs, and"
        " --device cpu asks for the CPU."
    )
    return Validity(id="device", status="warn", message=one_line(message))


def failure_of(device: torch.device, err: BaseException) -> AuditIncomplete | None:
    """The error of a model that cannot be computed on this GPU, None where another error was met.

    It says nothing of the model: gradients that fail so are no missing gradients.
    """
    if device.type == "cpu":
        return None
    if memory := lack_of_memory(err):
        action = "use a GPU with more memory or say --device cpu"
        return AuditIncomplete(
            f"expected a model that fits into the memory of {device}; found {memory[:200]}; {action}"
        )
    cause: BaseException | None = err
    while cause is not None and not (isinstance(cause, RuntimeError) and _OF_A_DEVICE.search(str(cause))):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return None
    found = f"that it fails there: {error_summary(cause)}"
    return AuditIncomplete(f"expected a model that computes on {device}; found {found}; say --device cpu")


@contextmanager
def computing_on(device: torch.device) -> Iterator[None]:
    """A block that computes a model: what fails because of the device is told as that.

    Raises:
        AuditIncomplete: the device is what failed.
    """
    try:
        yield
    except RuntimeError as err:
        if (failure := failure_of(device, err)) is not None:
            raise failure from err
        raise
