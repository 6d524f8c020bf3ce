"""Landlock: a process gives up all files but those below the places that it names, for good.

A Linux security module for programs without privileges (5.13 and later), spoken to by three system calls, which have
the same numbers on every architecture. It binds the calling thread and the threads and processes that it starts, so it
is entered before anything has started a thread.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ASK_VERSION, _BENEATH = 1, 1
_NO_NEW_PRIVILEGES = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FOLDER, _REMOVE_FILE, _MAKE_FOLDER, _MAKE_FILE = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_ALL_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""Rights over files that a version of the interface knows; versions between add none."""

READ = _EXECUTE | _READ_FILE | _READ_FOLDER
"""Execute is what mapping a library for execution needs; starting programs is forbidden elsewhere (``seccomp``)."""
LIST = _READ_FOLDER
"""The names of the files below a folder, and nothing of what is in them."""
WRITE = READ | _WRITE_FILE | _TRUNCATE | _REMOVE_FILE | _REMOVE_FOLDER | _MAKE_FILE | _MAKE_FOLDER
OVERWRITE = READ | _WRITE_FILE | _TRUNCATE
"""Files that are there may be written to; none can be made or removed."""
DEVICE = _READ_FILE | _WRITE_FILE | _IOCTL | _READ_FOLDER
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_TCP = 0b11
_SIGNALS_AND_SOCKETS = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("tcp", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """Version of the kernel's Landlock; 0 where there is none or it is switched off."""
    if sys.platform != "linux":
        return 0
    found = _library().syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    return max(0, int(found))


def restrict(places: Iterable[tuple[Path, int]]) -> None:
    """Give up every file outside the places, every TCP connection and every signal to other processes.

    TCP needs version 4, signals and abstract sockets version 6; older kernels leave those open. A second call leaves
    what both allow.

    Args:
        places: existing files and folders with what stays allowed below each (``READ``, ``OVERWRITE``, ``WRITE``,
            ``DEVICE``); those that are not there are passed over.
    Raises:
        OSError: the kernel refused.
    """
    version = abi()
    known = _ALL_BY_ABI[max(step for step in _ALL_BY_ABI if step <= version)]
    wanted = _Ruleset(known, _TCP if version >= 4 else 0, _SIGNALS_AND_SOCKETS if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    library = _library()
    ruleset = _checked(library.syscall(_CREATE, ctypes.byref(wanted), ctypes.c_size_t(size), ctypes.c_uint32(0)))
    try:
        for place, rights in places:
            _allow(library, ruleset, place, rights & known)
        _checked(library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _checked(library.syscall(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)))
    finally:
        os.close(ruleset)


def _allow(library: Any, ruleset: int, place: Path, rights: int) -> None:
    try:
        handle = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except (OSError, ValueError):
        return  # what is not there, or not ours to open, needs no right
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= _OF_FILES
        rule = _Beneath(rights, handle)
        _checked(
            library.syscall(_ADD, ctypes.c_int(ruleset), ctypes.c_int(_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
        )
    except OSError as err:
        if err.errno != errno.EBADFD:  # a pipe or a socket, which no rule is about
            raise
    finally:
        os.close(handle)


def _library() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)
