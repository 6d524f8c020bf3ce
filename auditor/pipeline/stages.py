"""Keeping track of the stages of an audit: telling how far each is, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Report(Protocol):
    """Told of a stage, the work done, the work there is and what is being worked on."""

    def __call__(self, stage: str, done: int, total: int, detail: str = "") -> None:
        """Say how far a stage has come."""
        ...


class Stages:
    """Seconds spent in each stage, in the order met; passes progress on.

    Args:
        report: who is told.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.seconds: dict[str, float] = {}

    def reporting_to(self, report: Report) -> Stages:
        """The same stages, whose progress somebody else is told."""
        other = Stages(report)
        other.seconds = self.seconds
        return other

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block under this name and say that it has begun."""
        self.report(name, 0, 1)
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin
