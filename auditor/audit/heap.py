"""Memory that the process has freed stays with it, ready for the next batch.

Every call of a model takes and frees the same few buffers of some megabytes. By default the C library hands such
memory back to the system each time, which then has to clear it, page by page, before the next call.
"""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h
LARGEST = 2**25
"""Bytes of a buffer that is taken from the heap; glibc takes no more here."""
KEPT = 2**28
"""Bytes at the heap's end that may lie idle before they are handed back."""


def keep_freed_memory() -> None:
    """Tell the C library; other libraries than glibc have no such setting and go on as they are."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, LARGEST)
        mallopt(_TRIM_THRESHOLD, KEPT)
