"""GitHub Actions: annotations as workflow commands on standard output, and the step's summary.

Both only where the service says that it is there (``GITHUB_ACTIONS=true``, ``GITHUB_STEP_SUMMARY=FILE``).
A command is one line whose text may hold no line end and no command (``auditor.untrusted_text``), so that no name from
outside can begin one of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from auditor.api.progress import say
from auditor.documents.results import Results
from auditor.errors import one_line
from auditor.untrusted_text import command_data

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
    """A workflow command for each check that is not ok and each rule that does not pass.

    Of more than the service shows, the last names the rest.
    """
    found: list[tuple[str, str, str]]
    found = [(check.status, f"validity {check.id}", check.message) for check in results.validity]
    found += [(rule.status, f"gate {rule.id}", rule.message) for rule in results.rules_apart]
    for level, statuses in (("error", ("fail", "not_measured")), ("warning", ("warn", "waived"))):
        chosen = [(title, message) for status, title, message in found if status in statuses]
        if len(chosen) > MOST:
            rest = [title for title, _ in chosen[MOST - 1 :]]
            chosen[MOST - 1 :] = [(f"{len(rest)} more", "; ".join(rest))]
        yield from (command(level, title, one_line(message)) for title, message in chosen)


def command(level: str, title: str, message: str) -> str:
    """One workflow command.

    >>> command("error", "a,b: c", "50 %\\nof it")
    '::error title=a%2Cb%3A c::50 %25%0Aof it'
    """
    return f"::{level} title={command_data(title).replace(':', '%3A').replace(',', '%2C')}::{command_data(message)}"


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
