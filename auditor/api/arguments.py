"""What the arguments of jobs have in common: their types, their defaults, what a place to write to may be."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from auditor.errors import UsageError

File = str | os.PathLike[str]
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
