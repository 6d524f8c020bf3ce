"""The parent's eye on a worker: ends it when a phase takes too long or when it holds too much memory or disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from auditor.worker.sandbox.limits import START, Limits
from auditor.worker.sandbox.processes import is_stopped, memory_held, scratch_held, threads_of, tree

_SECONDS_BETWEEN_LOOKS = 0.1
_LATE = 1.0
"""A look so many seconds after the last is late: this process was stopped, or the machine is very busy."""
_LOOKS_PER_COUNT = 5
"""Files and processes are counted at every so many looks, because counting them takes longer."""


class Watch:
    """A thread that looks at one process until it is told to stop.

    Args:
        pid: the process.
        limits: what it may take.
        scratch: the folder for its temporary files.
        kill: how to end it.
        beside: bytes that other workers hold, whose memory counts with this one's.
    Attributes:
        limit_hit: which limit ended it, in words; empty as long as none has.
        held: bytes of memory that it held at the last look.
    """

    def __init__(
        self,
        pid: int,
        limits: Limits,
        scratch: Path,
        kill: Callable[[], None],
        beside: Callable[[], int] = lambda: 0,
    ) -> None:
        self._pid, self._limits, self._scratch, self._kill, self._beside = pid, limits, scratch, kill, beside
        self._stage, self._silent, self._resting = START, 0.0, False
        self._looks, self._processes = 0, [pid]
        self._over = threading.Event()
        self.limit_hit = ""
        self.held = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def heard(self, stage: str) -> None:
        """The worker has said that it is at this stage: its time begins anew."""
        self._stage, self._silent, self._resting = stage, 0.0, False

    def rest(self) -> None:
        """The worker waits for work, however long, until it is heard again."""
        self._resting = True

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        last, late = time.monotonic(), False
        while not self._over.wait(_SECONDS_BETWEEN_LOOKS):
            last, passed = (now := time.monotonic()), now - last
            if not self._resting and not is_stopped(self._pid):
                self._silent += min(passed, _LATE)
            # After a late look lines of the worker may be waiting to be read, so it is the next one that judges.
            late, was_late = passed > _LATE, late
            if late and not was_late:
                continue
            if exceeded := self._exceeded():
                self.limit_hit = exceeded
                self._kill()
                return

    def _exceeded(self) -> str:
        limits, at = self._limits, f"at the stage '{self._stage}'"
        if self._silent > limits.seconds(self._stage):
            return f"no end of the stage '{self._stage}' after {limits.seconds(self._stage):,.0f} s (time limit)"
        self.held = memory_held(self._processes)
        if limits.memory is not None and self.held + self._beside() > limits.memory:
            return f"more than {limits.memory / 1e6:,.0f} MB of memory held {at} (memory limit)"
        self._looks += 1
        if self._looks % _LOOKS_PER_COUNT == 0:
            self._processes = tree(self._pid)
            if threads_of(self._processes) > limits.threads:
                return f"more than {limits.threads:,} threads {at} (limit of threads)"
            if scratch_held(self._scratch, self._processes) > limits.scratch:
                return f"more than {limits.scratch / 1e6:,.0f} MB of temporary files {at} (limit of temporary files)"
        return ""
