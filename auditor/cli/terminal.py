"""Lines for standard error, safe to show: no outside name reaches the terminal as a control sequence."""

from __future__ import annotations

import sys
import traceback
import unicodedata

PREFIX = "deepdig-audit:"


def printable(text: str) -> str:
    """The text with control, direction-changing and unpaired characters written as escapes.

    >>> printable("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    return "".join(c.encode("unicode_escape").decode() if _unsafe(c) else c for c in text)


def _unsafe(character: str) -> bool:
    """Control, format, unpaired or unassigned characters, and the two that separate lines."""
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp")


def say(text: str) -> None:
    """One line to standard error."""
    print(PREFIX, printable(text), file=sys.stderr, flush=True)


def complain(text: str, err: BaseException | None = None) -> None:
    """An error in one line, whatever its text; with ``err``, its traceback before it."""
    if err is not None:
        for line in "".join(traceback.format_exception(err)).splitlines():
            print(printable(line), file=sys.stderr)
    say(f"error: {' '.join(text.split())}")
