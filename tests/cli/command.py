"""Running the command line as a user does: a process of its own, its exit code and what it wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.api.run_audit import CI_VARIABLES

REPOSITORY = Path(__file__).parents[2]
DIGITS_CNN = REPOSITORY / "sample_models" / "digits_cnn.onnx"
SMALL = ("--pairs", "3:8,4:9", "--profile", "quick", "--samples-per-class", "16")
"""The smallest audit in which every measure that digits have can be measured."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The one line that says why it failed."""
        (line,) = [line for line in self.stderr.splitlines() if line.startswith("deepdig-audit: error: ")]
        return line.removeprefix("deepdig-audit: error: ")


def environment(**more: str) -> dict[str, str]:
    """That of this process outside CI, with one thread, a fixed date and the package on the path of every command."""
    own = {name: value for name, value in os.environ.items() if name not in CI_VARIABLES}
    return {**own, "PYTHONPATH": str(REPOSITORY), "SOURCE_DATE_EPOCH": "1790000000", **more}


def command(*arguments: str | Path) -> list[str]:
    """The command line of a command."""
    return [sys.executable, "-m", "auditor", *map(str, arguments)]


def run(arguments: Sequence[str | Path], folder: Path, **variables: str) -> Done:
    """Run a command in a folder, with more variables of the environment, and wait for its end."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
