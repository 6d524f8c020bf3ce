"""How many CPU threads an audit uses, and setting them for the whole worker process."""

from __future__ import annotations

import os

import torch

SMALL_MODEL = 1_000_000
"""Bytes. One batch of a smaller model is over before a second thread has woken up: with a model of 57 kB on two cores,
two threads took 20 s instead of 24 s when the cores were free, and 59 s instead of 43 s when they were not."""


def threads_for(size_bytes: int) -> int:
    """Threads for a model of this size: OMP_NUM_THREADS where it is set, one for a small model, else every core.

    The number must not depend on a measurement: sums are rounded otherwise on other numbers of threads, and two
    runs of one audit have to agree in every digit.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked):
        return int(asked)
    return 1 if size_bytes < SMALL_MODEL else usable_cores()


def usable_cores() -> int:
    """CPU cores this process may run on, which a container or a job scheduler can make fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_threads(count: int) -> None:
    """Give torch this many threads; called once by the worker, before any work."""
    torch.set_num_threads(count)
