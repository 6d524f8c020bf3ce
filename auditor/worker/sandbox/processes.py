"""What the parent sees of a worker, and of processes that it started, in ``/proc``; elsewhere than on Linux nothing.

A worker behind ``seccomp`` starts none. One without can: its children are counted with it, and are ended with it, also
those that left its session (``adopt``).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_PRCTL_DIE_WITH_PARENT, _PRCTL_ADOPT, _PRCTL_ADOPTS = 1, 36, 37
_MOST_ROUNDS = 100


def die_with_parent() -> None:
    """Have the kernel end this process when the thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PRCTL_DIE_WITH_PARENT, int(signal.SIGKILL), 0, 0, 0)


def adopt(orphans: bool = True) -> bool:
    """Have this process become the parent of processes below it whose own parent ends; returns what held before."""
    if sys.platform != "linux":
        return False
    before, library = ctypes.c_int(0), ctypes.CDLL(None)
    library.prctl(_PRCTL_ADOPTS, ctypes.byref(before), 0, 0, 0)
    library.prctl(_PRCTL_ADOPT, int(orphans), 0, 0, 0)
    return bool(before.value)


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped by a signal or a debugger."""
    with contextlib.suppress(OSError, IndexError):
        return (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[0] in (b"T", b"t")
    return False


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    known = [pid]
    for process in known:
        known.extend(child for child in _children(process) if child not in known)
    return known


def threads_of(processes: list[int]) -> int:
    """How many threads the processes have together."""
    return sum(len(_names(_PROC / str(pid) / "task")) for pid in processes)


def memory_held(processes: list[int]) -> int:
    """Bytes of memory that the processes hold now; what all but the first share with others is not counted again."""
    total = 0
    for position, pid in enumerate(processes):
        with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):
            _, resident, shared, *_ = map(int, (_PROC / str(pid) / "statm").read_text().split())
            total += (resident - shared if position else resident) * os.sysconf("SC_PAGE_SIZE")
    return total


def scratch_held(folder: Path, processes: list[int], most_files: int = 10_000) -> int:
    """Bytes on the disk of a folder's files, and of files that the processes have open after their names are gone.

    Args:
        folder: looked through up to ``most_files`` entries; more count as if they had no end.
        processes: that may have such files open.
    """
    total = seen = 0
    pending = [str(folder)]
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                seen += 1
                if seen > most_files:
                    return sys.maxsize
                with contextlib.suppress(OSError):
                    total += getattr(entry.stat(follow_symlinks=False), "st_blocks", 0) * 512
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
    nameless: dict[tuple[int, int], int] = {}
    for pid in processes:
        for name in _names(_PROC / str(pid) / "fd"):
            with contextlib.suppress(OSError):
                about = (_PROC / str(pid) / "fd" / name).stat()
                if stat.S_ISREG(about.st_mode) and not about.st_nlink:
                    nameless[about.st_dev, about.st_ino] = about.st_blocks * 512
    return total + sum(nameless.values())


def end_all(processes: list[int]) -> None:
    """Kill the processes."""
    for pid in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def end_orphans(mark: str, session: int) -> None:
    """Kill and bury adopted processes that a worker has left behind, and those that they leave.

    Args:
        mark: text in the environment that the worker was started with and handed down.
        session: number of the worker's.
    """
    for _ in range(_MOST_ROUNDS):
        left = [pid for pid in _children(os.getpid()) if _is_of(pid, mark.encode(), session)]
        if not left:
            return
        end_all([process for pid in left for process in tree(pid)])
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _is_of(pid: int, mark: bytes, session: int) -> bool:
    with contextlib.suppress(OSError):
        return pid != session and (os.getsid(pid) == session or mark in (_PROC / str(pid) / "environ").read_bytes())
    return False


def _children(pid: int) -> Iterator[int]:
    for thread in _names(_PROC / str(pid) / "task"):
        with contextlib.suppress(OSError):
            yield from map(int, (_PROC / str(pid) / "task" / thread / "children").read_text().split())


def _names(folder: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return os.listdir(folder)
    return []
