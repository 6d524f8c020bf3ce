"""How far the work has come: a live line on a terminal, plain lines elsewhere.

Lines are safe to show: no outside name reaches a terminal as a control sequence or a CI service's command.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from auditor.untrusted_text import printable

if TYPE_CHECKING:
    from auditor.documents.messages import Progress

Show = Callable[["Progress"], None]
QUIET_SECONDS = 15.0
"""A plain line is written when the stage changes and then no more often than this."""
PREFIX = "deepdig-audit:"


def print_line(line: str) -> None:
    """One line to standard output."""
    print(printable(line))


def say(text: str) -> None:
    """One line to standard error."""
    print(PREFIX, printable(text), file=sys.stderr, flush=True)


def complain(text: str, err: BaseException | None = None) -> None:
    """An error in one line, whatever its text; with ``err``, its traceback before it."""
    if err is not None:
        for line in "".join(traceback.format_exception(err)).splitlines():
            print(printable(line), file=sys.stderr)
    say(f"error: {' '.join(text.split())}")


def silent(_: Progress) -> None:
    """Progress that nobody wants to see."""


@contextmanager
def progress_display(quiet: bool, verbose: bool) -> Iterator[Show]:
    """A function to hand progress to, for as long as the block runs.

    A verbose run gets plain lines: what native libraries print would tear a live display apart.
    """
    if quiet:
        yield silent
    elif verbose or not sys.stderr.isatty():
        yield PlainLines()
    else:
        with _live() as show:
            yield show


def lines_of_worker(quiet: bool, verbose: bool) -> Callable[[str], None]:
    """What becomes of the lines that a worker has for the user: said, unless only errors were asked for."""
    return (lambda _: None) if quiet and not verbose else say


class PlainLines:
    """A line for each stage, and one now and then while it lasts, with the time of day."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, now: Callable[[], str] = lambda: time.strftime("%H:%M:%S")
    ) -> None:
        self._clock, self._now, self._stage, self._last = clock, now, "", 0.0

    def __call__(self, progress: Progress) -> None:
        """Write a line if it is time for one."""
        now = self._clock()
        if progress.stage == self._stage and now - self._last < QUIET_SECONDS:
            return
        self._stage, self._last = progress.stage, now
        share = f", {100 * progress.done // progress.total} %" if progress.done and progress.total else ""
        detail = f" ({progress.detail})" if progress.detail else ""
        say(f"{self._now()} {progress.stage}{share}{detail}")


@contextmanager
def _live() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[detail]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        stages: dict[str, TaskID] = {}

        def show(progress: Progress) -> None:
            if progress.stage not in stages:
                for stage in stages.values():
                    bars.update(stage, visible=False)
                stages[progress.stage] = bars.add_task(printable(progress.stage), total=progress.total, detail="")
            bars.update(
                stages[progress.stage],
                completed=progress.done,
                total=progress.total,
                detail=printable(progress.detail),
                visible=True,
            )

        yield show
