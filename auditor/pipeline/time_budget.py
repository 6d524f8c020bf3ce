"""Keeping an audit within a time that was asked for: what is begun must be likely to end in time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

SHARE_FOR_THE_REPORT, LEAST_FOR_THE_REPORT, MOST_FOR_THE_REPORT = 0.1, 5.0, 60.0
"""Of the time asked for, what is kept for writing the report: this share, at least and at most so many seconds."""
CAUTION = 1.25
"""A pair may take this many times as long as the slowest average so far."""


@dataclass
class TimeBudget:
    """The time left, and how many class pairs fit in it.

    Args:
        seconds: for the whole audit with its report; None sets no bound.
        started: when it began, in seconds of ``time.monotonic``, so that setting the clock changes nothing.
    """

    seconds: float | None
    started: float
    _slowest: float = field(default=0.0, init=False)
    _learned_from: int = field(default=0, init=False)

    def left(self) -> float:
        """Seconds left for work on class pairs; infinite without a bound."""
        if self.seconds is None:
            return float("inf")
        report = min(max(SHARE_FOR_THE_REPORT * self.seconds, LEAST_FOR_THE_REPORT), MOST_FOR_THE_REPORT)
        return self.seconds - report - (time.monotonic() - self.started)

    def fitting(self, at_once: int) -> int:
        """How many pairs to begin next, at most ``at_once``; 0 where none would end in time.

        The first part is one pair, because nothing is known of their pace before.
        """
        if self.seconds is None:
            return at_once
        if self.left() <= 0:
            return 0
        if not self._slowest:
            return 1
        return min(at_once, int(self.left() / (CAUTION * self._slowest)))

    def took(self, pairs: int, seconds: float) -> None:
        """Learn from a finished part."""
        # One pair alone tells little of many that share the model's batches.
        known = self._slowest if self._learned_from > 1 else 0.0
        self._slowest, self._learned_from = max(known, seconds / pairs), pairs
