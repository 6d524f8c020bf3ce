"""One small audit, run once for all tests that only look at what it left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import DIGITS_CNN, SMALL, Done, run


@pytest.fixture(scope="session")
def audit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """The folder in which the audit ran, and how it ended; its output folder is ``audit-digits_cnn``."""
    folder = tmp_path_factory.mktemp("audit")
    return folder, run([DIGITS_CNN, "--data", "digits", *SMALL, "--save-instances"], folder)
