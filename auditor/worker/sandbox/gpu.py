"""What the parent does for CUDA before a worker starts, because the worker may start no program."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

_MODPROBE = Path("/usr/bin/nvidia-modprobe")


def make_ready(devices: Path = Path("/dev"), modprobe: Path = _MODPROBE) -> None:
    """Have the driver's own program make ``nvidia-uvm`` where the driver is loaded and the device is not there yet.

    CUDA would start it itself. Where it is missing or fails, CUDA says so in the worker, and nothing is worse.
    """
    if not (devices / "nvidiactl").exists() or (devices / "nvidia-uvm").exists():
        return
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            [modprobe, "-u", "-c=0"], env={}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=30, check=False,
        )  # fmt: skip
