"""How much a worker may take before its parent ends it: seconds in each phase, and memory.

An audit may take hours, so its whole time has no limit; what a hostile file can stretch has one: opening it, trying it
on the data, and any stage that says nothing for long. The time for opening grows with the file.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import UsageError
from auditor.worker.sandbox.places import has_gpu

START, MODEL, DATA, TRIAL = "start", "opening the model", "reading the data", "trying the model on the data"
"""Stages of a worker before its work proper begins, in order."""

PREFIX = "DEEPDIG_AUDIT_"
_SET_BY_USER = ("SANDBOX", "OPENING_SECONDS", "TRIAL_SECONDS", "SILENCE_SECONDS", "MEMORY_MB", "SCRATCH_MB")
VARIABLES = tuple(PREFIX + name for name in _SET_BY_USER)
"""Environment variables by which a user sets limits, and may switch the sandbox off."""
_BYTES_OPENED_IN_A_SECOND = 4_000_000
_BYTES_TRIED_IN_A_SECOND = 1_000_000
_SHARE_OF_MEMORY = 0.9


@dataclass(frozen=True)
class Limits:
    """Limits of one worker.

    Args:
        opening: seconds until the model is open.
        trial: seconds for the first runs of the model on the data.
        silence: seconds without any message in other stages.
        memory: bytes of memory held; None where the system does not tell.
        scratch: bytes in the folder for temporary files, and of any one file.
        threads: of the worker and the processes that it started.
    """

    opening: float = 120.0
    trial: float = 600.0
    silence: float = 1800.0
    memory: int | None = None
    scratch: int = 2_000_000_000
    threads: int = 2000

    def seconds(self, stage: str) -> float:
        """Seconds without a message that a stage may take."""
        return {START: self.opening, MODEL: self.opening, TRIAL: self.trial}.get(stage, self.silence)


def limits_for(model: Path) -> Limits:
    """Limits for a model of this size on this machine, or those that the environment sets.

    ``DEEPDIG_AUDIT_OPENING_SECONDS``, ``_TRIAL_SECONDS``, ``_SILENCE_SECONDS``, ``_MEMORY_MB`` and ``_SCRATCH_MB``
    override.

    Raises:
        UsageError: one of them is no positive number.
    """
    try:
        size = model.stat().st_size
    except (OSError, ValueError):
        size = 0
    megabytes = _from_environment("MEMORY_MB")
    return Limits(
        opening=_from_environment("OPENING_SECONDS") or Limits.opening + size / _BYTES_OPENED_IN_A_SECOND,
        trial=_from_environment("TRIAL_SECONDS") or Limits.trial + size / _BYTES_TRIED_IN_A_SECOND,
        silence=_from_environment("SILENCE_SECONDS") or Limits.silence,
        memory=int(megabytes * 1e6) if megabytes else _most_memory(),
        scratch=int((_from_environment("SCRATCH_MB") or Limits.scratch / 1e6) * 1e6),
    )


def apply_resource_limits(limits: Limits) -> None:
    """Limits that the kernel keeps for this process: no core dump, no endless file, bounded data memory."""
    if sys.platform == "win32":
        return
    import resource

    def lower(what: int, value: int) -> None:
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (value, value) if hard == resource.RLIM_INFINITY else (min(value, hard),) * 2)

    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_FSIZE, limits.scratch)
    # CUDA reserves far more address space than it uses; there the parent alone watches what is really held.
    if limits.memory is not None and not has_gpu():
        lower(resource.RLIMIT_DATA, limits.memory)


def _most_memory() -> int | None:
    """Nine tenths of the memory of this machine or of its container."""
    found = []
    for path in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        try:
            found.append(int(path.read_text()))
        except (OSError, ValueError):  # another layout, or "max"
            continue
    with contextlib.suppress(AttributeError, ValueError, OSError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return int(min(found) * _SHARE_OF_MEMORY) if found else None


def _from_environment(name: str) -> float | None:
    text = os.environ.get(PREFIX + name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise UsageError(f"expected a positive number in {PREFIX}{name}; found {text!r}; correct or unset it")
    return value
