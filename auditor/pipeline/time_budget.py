"""Keeping an audit within a time that was asked for: what is begun is likely to end in time, else it is cut off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from auditor.documents.results import Cost
from auditor.documents.tasks import Kind
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


STEPS = 4
"""Steps of a long piece of work that tell how long all of it will take."""
BACKWARD = 2.0
"""Seconds of a backward pass, in forward passes."""


@dataclass
class Pace:
    """How long work takes: by the tasks of each kind that have ended, before the first of them by the model's passes.

    Args:
        of_a_unit: passes that a unit of each kind takes, about: a pair, or to screen a sample of each of its classes.
    """

    of_a_unit: dict[Kind, Cost] = field(default_factory=dict)
    _ended: dict[Kind, list[tuple[int, float]]] = field(default_factory=dict, init=False)
    _passes: float = field(default=0.0, init=False)
    _seconds: float = field(default=0.0, init=False)

    def saw(self, cost: Cost, seconds: float) -> None:
        """Learn what passes of the model take."""
        self._passes, self._seconds = self._passes + _weight(cost), self._seconds + seconds

    def took(self, kind: Kind, units: int, seconds: float) -> None:
        """Learn from a finished task; few units alone tell little of many that share the model's batches."""
        if units:
            alike = [(before, took) for before, took in self._ended.get(kind, []) if 2 * before >= units]
            most = max((before for before, _ in alike), default=0)
            self._ended[kind] = [*alike, (units, seconds)] if 2 * units >= most else alike

    def expected(self, kind: Kind, units: int) -> float:
        """Seconds of so many units, on average of what tasks have taken; 0 where nothing is known."""
        if ended := self._ended.get(kind):
            return units * sum(seconds for _, seconds in ended) / sum(size for size, _ in ended)
        if not self._passes or kind not in self.of_a_unit:
            return 0.0
        return units * _weight(self.of_a_unit[kind]) * self._seconds / self._passes

    def longest(self, kind: Kind, units: int) -> float:
        """Seconds of so many units at the pace of the slowest task; 0 where none has ended."""
        return units * max((seconds / size for size, seconds in self._ended.get(kind, [])), default=0.0)


def _weight(cost: Cost) -> float:
    """Passes, counted in forward passes."""
    return cost.forward + BACKWARD * cost.backward


@dataclass(frozen=True)
class TimeBudget:
    """The time left, and what fits in it.

    Args:
        seconds: for the whole audit with its report; None sets no bound.
        started: when it began, in seconds of ``clock``, so that setting the system's clock changes nothing.
        clock: seconds that only ever grow.
        pace: of this audit.
    """

    seconds: float | None
    started: float
    clock: Callable[[], float] = time.monotonic
    pace: Pace = field(default_factory=Pace)

    def left(self) -> float:
        """Seconds left for work on class pairs; infinite without a bound."""
        if self.seconds is None:
            return float("inf")
        report = min(max(SHARE_FOR_THE_REPORT * self.seconds, LEAST_FOR_THE_REPORT), MOST_FOR_THE_REPORT)
        return self.seconds - report - (self.clock() - self.started)

    @staticmethod
    def enough_for(seconds: float) -> float:
        """Seconds of a budget that leaves so many from its start for all but the report."""
        report = seconds * SHARE_FOR_THE_REPORT / (1 - SHARE_FOR_THE_REPORT)
        return seconds + min(max(report, LEAST_FOR_THE_REPORT), MOST_FOR_THE_REPORT)

    def fits(self, seconds: float) -> bool:
        """Whether work that is expected to take so many seconds is likely to end in time."""
        return CAUTION * seconds <= self.left()

    def fits_task(self, kind: Kind, units: int) -> bool:
        """Whether one task is likely to end in time, and has time to take as long as the slowest of its kind so far."""
        return self.fits(self.pace.expected(kind, units)) and self.pace.longest(kind, units) <= self.left()

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


def on_course(
    report: Callable[[str, int, int], None], seconds: float, clock: Callable[[], float] = time.monotonic
) -> Callable[[str, int, int], None]:
    """Progress passed on; work that would take longer than so many seconds, at its pace so far, ends there.

    Raises:
        OutOfTime: by the function returned; it would.
    """
    begin, already = clock(), -1

    def check(stage: str, done: int, total: int) -> None:
        nonlocal begin, already
        report(stage, done, total)
        if already < 0:
            begin, already = clock(), done
        # The first steps are slower than the rest.
        if done - already >= STEPS and (clock() - begin) * (total - already) / (done - already) > seconds:
            raise OutOfTime

    return check
