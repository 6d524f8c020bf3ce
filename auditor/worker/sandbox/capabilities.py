"""A worker that root starts gives up root's powers; it keeps the one by which root reads and writes anybody's files.

Landlock says which files those are. Without the others it can, say, not exempt itself from the system's choice of whom
to end when memory runs out, though Landlock must let it write to its threads' folders where there is a GPU.
"""

from __future__ import annotations

import ctypes
import os
import sys

_VERSION = 0x20080522
_KEPT = 1 << 1  # CAP_DAC_OVERRIDE


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("process", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def give_up() -> None:
    """Give up all capabilities but one, for this thread and those that it starts, for good.

    Raises:
        OSError: the kernel refused.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(_VERSION, 0), (_Sets * 2)()
    if library.capget(ctypes.byref(header), sets):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    kept = sets[0].permitted & _KEPT
    sets[0], sets[1] = _Sets(kept, kept, 0), _Sets(0, 0, 0)
    if library.capset(ctypes.byref(header), sets):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
