"""Code in an interpreter of its own, because a sandbox cannot be left."""

from __future__ import annotations

import subprocess
import sys

import pytest

from auditor.worker.sandbox import landlock, seccomp
from tests.cli.command import REPOSITORY, environment

confined = pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")
filtered = pytest.mark.skipif(not seccomp.available(), reason="this system's calls cannot be filtered")


def alone(code: str, *arguments: object) -> list[str]:
    """The lines that the code prints, given the arguments as ``sys.argv[1:]``."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=REPOSITORY, env=environment(), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
