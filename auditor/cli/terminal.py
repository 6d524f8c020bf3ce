"""Lines for the terminal, safe to show: no outside name reaches it as a control sequence or a CI service's command."""

from __future__ import annotations

import sys
import traceback

from auditor.text import printable as printable

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
