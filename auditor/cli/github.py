"""GitHub Actions: annotations as workflow commands on standard output, and the step's summary.

Both only where the service says that it is there (``GITHUB_ACTIONS=true``, ``GITHUB_STEP_SUMMARY=FILE``).
A command is one line whose text may hold no line end, so a name from outside cannot begin a command of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from auditor.cli.terminal import say
from auditor.results import Results

MOST = 10
"""Annotations of one level that the service shows for a step."""


def inside() -> bool:
    """Whether this process runs in a job of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def annotate(results: Results) -> None:
    """Print what stands against the results, if somebody reads it."""
    if inside():
        for line in commands(results):
            print(line, flush=True)


def annotate_error(message: str) -> None:
    """Print why a command failed, if somebody reads it."""
    if inside():
        print(command("error", "deepdig-audit", message), flush=True)


def commands(results: Results) -> Iterator[str]:
    """A workflow command for each check that is not ok and each rule that does not pass."""
    found: list[tuple[str, str, str]]
    found = [(check.status, f"validity {check.id}", check.message) for check in results.validity]
    found += [(r.status, f"gate {r.id}", r.message) for r in results.gate.rules if not r.id.startswith("validity.")]
    for level, statuses in (("error", ("fail", "not_measured")), ("warning", ("warn", "waived"))):
        chosen = [command(level, title, message) for status, title, message in found if status in statuses]
        yield from chosen[:MOST]


def command(level: str, title: str, message: str) -> str:
    """One workflow command.

    >>> command("error", "a,b: c", "50 %\\nof it")
    '::error title=a%2Cb%3A c::50 %25%0Aof it'
    """
    return f"::{level} title={_escaped(title).replace(':', '%3A').replace(',', '%2C')}::{_escaped(message)}"


def add_to_summary(text: Callable[[], str]) -> None:
    """Append Markdown to the step's summary where there is one; a summary that fails changes nothing else."""
    file = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if not file:
        return
    try:
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.write(text() + "\n")
    except OSError as err:
        say(f"warn: expected to add to {file}; found {err.strerror}; the step has no summary")


def _escaped(text: str) -> str:
    visible = "".join(c if c.isprintable() or c in "\r\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
    return visible.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
