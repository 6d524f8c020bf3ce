"""What the tool sees and says, in this process: ``inspect`` for right values, the audit itself for refusals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from auditor.api import run_audit as running
from auditor.cli import main
from auditor.documents.inspection import Inspection, Normalisation
from auditor.documents.results import DataFacts, Measure
from auditor.pipeline.inspect.inspect_model import inspect
from tests.cli.in_this_process import InThisProcess
from tests.cli.test_planning import plan_of

ONE_PAIR = ("--profile", "quick", "--samples-per-class", "4", "--format", "json", "--quiet")


@dataclass(frozen=True)
class Seen:
    """What ``inspect`` says of a model and data."""

    accuracy: float
    names: list[str]
    notes: str
    checks: dict[str, str]
    messages: str


def look(model: Path, data: Path, *options: str) -> Seen:
    """Inspect, as the worker does."""
    seen: Inspection = inspect(plan_of(str(model), "--data", str(data), *options), lambda *_: None)
    assert isinstance(seen.data, DataFacts)
    assert isinstance(seen.normalisation, Normalisation)
    assert isinstance(seen.normalisation.accuracy, Measure)
    return Seen(
        seen.normalisation.accuracy.value,
        list(seen.data.class_names),
        " ".join(seen.data.notes),
        {check.id: check.status for check in seen.validity},
        " ".join(check.message for check in seen.validity),
    )


def audited(
    model: Path, data: Path, *options: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """Audit as the command does, but for the worker's process: exit code and what stands on standard error."""
    monkeypatch.setattr(running, "Workers", InThisProcess)
    out = model.parent / "audit"
    status = main([str(model), "--data", str(data), "--out", str(out), *ONE_PAIR, *options])
    return status, capsys.readouterr().err
