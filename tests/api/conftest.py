"""One audit of a sample model, done once for all tests that look at it."""

from __future__ import annotations

from pathlib import Path

import pytest

import auditor
from auditor.api.run_audit import CI_VARIABLES
from tests.cli.command import DIGITS_CNN

DIGITS_FCN = DIGITS_CNN.with_name("digits_fcn.onnx")
SMALL = {"pairs": [("3", "9")], "profile": "quick", "samples_per_class": 16}


@pytest.fixture(scope="session")
def audit() -> auditor.Audit:
    """A pair of the fully connected digits model."""
    return auditor.audit(DIGITS_FCN, "digits", **SMALL)


@pytest.fixture(autouse=True)
def outside_ci(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
