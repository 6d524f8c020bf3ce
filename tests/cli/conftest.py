"""One small audit, run once for all tests that only look at what it left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import DIGITS_CNN, SMALL, Done, run
from tests.cli.recipes import job


@pytest.fixture(scope="session")
def audit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """The folder in which the audit ran, and how it ended; its output folder is ``audit-digits_cnn``."""
    folder = tmp_path_factory.mktemp("audit")
    return folder, run([DIGITS_CNN, "--data", "digits", *SMALL, "--save-instances"], folder)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The checkout of a change in a job, see ``tests.cli.recipes``."""
    return job(tmp_path)
