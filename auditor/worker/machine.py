"""How many workers a machine takes: by its cores, by its free memory, and by the work there is."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from auditor.documents.messages import HelpWanted

_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")
SHARE_OF_FREE_MEMORY = 0.9


def usable_cores() -> int:
    """CPU cores this process may run on, which a container or a job scheduler can make fewer than there are."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # a container's share of time; "max" where it has all of it
        quota, period = map(int, (_CGROUP / "cpu.max").read_text().split())
        cores = min(cores, max(1, quota // period))
    return cores


def most_workers(asked: int | None) -> int:
    """Workers that a command may come to start: as many as were asked for, else one for each core."""
    return asked or usable_cores()


def workers_for(wanted: HelpWanted, asked: int | None) -> tuple[int, str]:
    """How many workers an audit gets, the first among them, and why not more where that is no matter of course.

    Args:
        wanted: what the first worker says of the work.
        asked: workers that the user wants; None leaves the number to this function.
    """
    most = most_workers(asked) if asked else max(1, most_workers(asked) // wanted.threads)
    if wanted.device != "cpu":
        said = "there is one worker for a GPU, which serves one best" if asked and asked > 1 else ""
        return 1, said
    count = min(most, max(1, wanted.tasks))
    free = free_memory()
    if asked or free is None:
        return count, ""
    # The first worker is there; what it will need beside what it holds is counted with the others' share.
    fitting = 1 + max(0, int((SHARE_OF_FREE_MEMORY * free - wanted.growth) // wanted.memory))
    if fitting >= count:
        return count, ""
    needs = f"each takes about {wanted.memory / 1e6:,.0f} MB and {free / 1e6:,.0f} MB of memory are free"
    return fitting, f"computing with {fitting} of {count} possible workers: {needs}; --jobs sets another number"


def free_memory() -> int | None:
    """Bytes of memory that this machine, or the container, still has; None where the system does not tell."""
    found = list[int]()
    with suppress(OSError, ValueError, StopIteration):
        line = next(line for line in _MEMINFO.read_text().splitlines() if line.startswith("MemAvailable:"))
        found.append(int(line.split()[1]) * 1024)
    for limit, held, statistics in (
        ("memory.max", "memory.current", "memory.stat"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
    ):
        with suppress(OSError, ValueError):  # another layout, or "max"
            most, now = int((_CGROUP / limit).read_text()), int((_CGROUP / held).read_text())
            fields = dict(line.split() for line in (_CGROUP / statistics).read_text().splitlines())
            found.append(most - now + int(fields.get("total_inactive_file", fields.get("inactive_file", "0"))))
    return max(0, min(found)) if found else None
