"""Keeping an audit within a time that was asked for: what is begun must be likely to end in time, and is cut off else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from auditor.models.classifier import Spent

SHARE_FOR_THE_REPORT, LEAST_FOR_THE_REPORT, MOST_FOR_THE_REPORT = 0.1, 5.0, 30.0
"""Of the time asked for, what is kept for writing the report: this share, at least and at most so many seconds."""
CAUTION = 1.25
"""Work may take this many times as long as the like of it took before."""
GRACE = 0.05
"""Work that was begun in time may go on for this share of the whole budget longer before it is cut off."""
SPENT = "the time budget was spent"


class OutOfTime(BaseException):
    """The time for a piece of work is over.

    Whoever takes note of what a model or a plug-in raises and goes on does not catch it.
    """


@dataclass(frozen=True)
class TimeBudget:
    """The time left.

    Args:
        seconds: for the whole audit with its report; None sets no bound.
        started: when it began, in seconds of ``clock``, so that setting the system's clock changes nothing.
        clock: seconds that only ever grow.
    """

    seconds: float | None
    started: float
    clock: Callable[[], float] = time.monotonic

    def left(self) -> float:
        """Seconds left for work on class pairs; infinite without a bound."""
        if self.seconds is None:
            return float("inf")
        report = min(max(SHARE_FOR_THE_REPORT * self.seconds, LEAST_FOR_THE_REPORT), MOST_FOR_THE_REPORT)
        return self.seconds - report - (self.clock() - self.started)

    def fits(self, seconds: float) -> bool:
        """Whether work that is expected to take so many seconds is likely to end in time."""
        return CAUTION * seconds <= self.left()

    def cut_off(self) -> float | None:
        """Seconds from now after which work that has been begun is cut off; None without a bound."""
        return None if self.seconds is None else max(0.0, self.left() + GRACE * self.seconds)


@contextmanager
def at_most(seconds: float | None, spent: Spent, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """A block that ends with the first batch of the model that would begin after so many seconds.

    Args:
        seconds: None sets no bound.
        spent: of the classifier that is asked.
    Raises:
        OutOfTime: they have passed.
    """
    if seconds is None:
        yield
        return
    end, before = clock() + seconds, spent.before_each

    def check() -> None:
        before()
        if clock() > end:
            raise OutOfTime

    spent.before_each = check
    try:
        yield
    finally:
        spent.before_each = before
