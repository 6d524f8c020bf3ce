"""How the worker's process uses the machine: its CPU threads, and memory that it keeps once it has freed it."""

from __future__ import annotations

import ctypes
import os
import sys

import torch

from auditor.worker.machine import usable_cores

SMALL_MODEL = 1_000_000
"""Bytes. One batch of a smaller model is over before a second thread has woken up: with a model of 57 kB on two cores,
two threads took 20 s instead of 24 s when the cores were free, and 59 s instead of 43 s when they were not."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h
LARGEST_KEPT = 2**25
"""Bytes of a buffer that is taken from the heap; glibc takes no more here."""
MOST_KEPT = 2**28
"""Bytes at the heap's end that may lie idle before they are handed back."""


def threads_for(size_bytes: int, pairs: int | None = None) -> int:
    """Threads of a worker for a model of this size: OMP_NUM_THREADS where it is set, else one.

    Cores are used by as many workers; where a large model is audited on fewer class pairs than there are cores, their
    workers share the cores out. The number must depend neither on a measurement nor on how many workers there are: sums
    are rounded otherwise on other numbers of threads, and two runs of one audit have to agree in every digit.

    Args:
        pairs: that the user named; None where there may be many.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked):
        return int(asked)
    return 1 if size_bytes < SMALL_MODEL or not pairs else max(1, usable_cores() // pairs)


def use_threads(count: int) -> None:
    """Give torch this many threads; called once by the worker, before any work."""
    torch.set_num_threads(count)


def keep_freed_memory() -> None:
    """Have memory that the process frees stay with it, ready for the next batch.

    Every call of a model takes and frees the same few buffers of some megabytes. By default the C library hands such
    memory back to the system each time, which then has to clear it, page by page, before the next call. Other libraries
    than glibc have no such setting and go on as they are.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(_TRIM_THRESHOLD, MOST_KEPT)
