"""The parent's eye on a worker: ends it when a phase takes too long or when it holds too much memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from auditor.audit.sandbox.limits import START, Limits, memory_held

_SECONDS_BETWEEN_LOOKS = 0.1


class Watch:
    """A thread that looks at one process until it is told to stop.

    Args:
        pid: the process.
        limits: what it may take.
        kill: how to end it.
    Attributes:
        limit_hit: which limit ended it, in words; empty as long as none has.
    """

    def __init__(self, pid: int, limits: Limits, kill: Callable[[], None]) -> None:
        self._pid, self._limits, self._kill = pid, limits, kill
        self._stage, self._since = START, time.monotonic()
        self._over = threading.Event()
        self.limit_hit = ""
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def heard(self, stage: str) -> None:
        """The worker has said that it is at this stage: its time begins anew."""
        self._stage, self._since = stage, time.monotonic()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_SECONDS_BETWEEN_LOOKS):
            if found := self._exceeded():
                self.limit_hit = found
                self._kill()
                return

    def _exceeded(self) -> str:
        most = self._limits.memory
        if most is not None and memory_held(self._pid) > most:
            return f"more than {most / 1e6:,.0f} MB of memory held at the stage '{self._stage}' (memory limit)"
        seconds = self._limits.seconds(self._stage)
        if time.monotonic() - self._since > seconds:
            return f"no end of the stage '{self._stage}' after {seconds:,.0f} s (time limit)"
        return ""
