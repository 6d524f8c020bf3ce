"""One hostile file: how it is built, which exit codes are right for it, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ACCEPTED, USAGE, REFUSED, LIMIT = 0, 2, 3, 4
"""Exit codes of the product: odd but right, a wrong option, refused input, a limit that was hit."""

Kind = Literal["model", "data", "option"]


@dataclass(frozen=True)
class Case:
    """One file.

    Args:
        name: ``family/what is wrong``; unique.
        build: writes the file into an empty folder and returns its path; OSError where the system cannot hold it.
        codes: exit codes that are right; more than one where machines differ.
        why: the reason for the code, in one sentence.
        kind: what the file is given as: the model, the data, or the value of the option in ``options``' last place.
        options: further options of the command.
        audit: run a whole small audit, because the file shows its hostility only then.
        seconds: in which the command has to end.
    """

    name: str
    build: Callable[[Path], Path]
    codes: tuple[int, ...]
    why: str
    kind: Kind = "model"
    options: tuple[str, ...] = ()
    audit: bool = False
    seconds: float = 60.0

    @property
    def family(self) -> str:
        """The part of the name before its last slash."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Args:
        status: exit code of the command.
        stdout, stderr: what it wrote.
        seconds: how long it took.
    """

    status: int
    stdout: str
    stderr: str
    seconds: float
