"""What the arguments of jobs have in common: their types, their defaults, what a place to write to may be."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from auditor.errors import UsageError

File = str | os.PathLike[str]
MOST_WORKERS = 1000
Numbers = float | Sequence[float] | str


def defaults_of(job: Callable[..., Any]) -> dict[str, Any]:
    """The arguments of a job in their order, with their defaults."""
    return {name: parameter.default for name, parameter in signature(job).parameters.items()}


def output_path(value: File) -> Path:
    """The path of an output; an empty one would be the working folder, which nobody named.

    Raises:
        UsageError: it is empty, or no path.
    """
    if not str(value).strip() or "\0" in str(value):
        raise UsageError("expected a place to write to; found an empty name or a null character; correct --out")
    return Path(value)


def workers_asked(value: int | str) -> int | None:
    """How many workers an audit is to have; None where that is left to the machine.

    Raises:
        UsageError: it is neither a number nor ``auto``.
    """
    text = str(value).strip()
    if text == "auto":
        return None
    if isinstance(value, bool) or not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        expected = f"expected a number of worker processes from 1 to {MOST_WORKERS:,}, or auto"
        raise UsageError(f"{expected}; found {text!r}; correct --jobs")
    return int(text)
