"""Rows of the benchmark's table, and the machine that they were measured on."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnxruntime
import torch


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        what: was measured.
        value: in words.
        good: whether it is as it should be; None where no value is wrong.
    """

    what: str
    value: str
    good: bool | None = None

    def __str__(self) -> str:
        return f"| {self.what} | {self.value} | {'' if self.good is None else 'ok' if self.good else '**FAIL**'} |"


HEAD = ["| what | measured | |", "|---|---|---|"]


@dataclass(frozen=True)
class Bench:
    """What a section of the benchmark works with.

    Args:
        device: that is measured.
        small: whether a dry run is enough, which measures nothing of use.
        folder: for models, data and reports.
    """

    device: torch.device
    small: bool
    folder: Path

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    def wait(self) -> None:
        """Until the device has done what it was told."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def seconds(self, run: Callable[[], object], repeats: int = 5) -> float:
        """Median seconds of a call after one to warm up."""
        run()
        self.wait()
        times = []
        for _ in range(1 if self.small else repeats):
            begin = time.perf_counter()
            run()
            self.wait()
            times.append(time.perf_counter() - begin)
        return sorted(times)[len(times) // 2]


def card(device: torch.device) -> str:
    """The name of the device, as a person knows it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {platform.machine()}"


def versions() -> str:
    """Of what computes."""
    cudnn = torch.backends.cudnn.version()
    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
    return (
        f"torch {torch.__version__} (CUDA {torch.version.cuda}, cuDNN {cudnn}), "
        f"ONNX Runtime {onnxruntime.__version__} ({providers})"
    )


def set_tf32(allowed: bool) -> None:
    """Whether torch may round the factors of products to 10 bits on a GPU."""
    torch.backends.cudnn.allow_tf32 = allowed
    torch.backends.cuda.matmul.allow_tf32 = allowed
