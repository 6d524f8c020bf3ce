"""A pair that cannot be measured is missing with its reason; the others are there, and the audit is partial."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from auditor.documents.plan import Plan
from auditor.documents.results import NotMeasured, Results
from auditor.errors import InputRefused
from auditor.pipeline.pairs import tasks
from auditor.pipeline.run import run
from tests.cli.command import run as run_command

SAMPLE = Path(__file__).parents[2] / "sample_models" / "digits_cnn.pt"


class FailsOn(nn.Module):
    """The sample model, which fails where two of its classes are nearly equally probable: on their boundary."""

    def __init__(self, inner: nn.Module, a: int, b: int, *, for_memory: bool) -> None:
        super().__init__()
        self.inner, self.a, self.b, self.for_memory = inner, a, b, for_memory

    def forward(self, x: Tensor) -> Tensor:
        z = self.inner(x)
        p = torch.softmax(z, 1)
        near = (p[:, self.a] - p[:, self.b]).abs() < 1e-3
        if bool((near & (p[:, self.a] > 0.4)).any()):
            if self.for_memory:
                return z + torch.zeros([len(x), 1000000000000000])[:, :1]
            raise ValueError("no answer on this boundary")
        return z


def failing(folder: Path, a: int, b: int, *, for_memory: bool = False) -> Path:
    path = folder / "failing.pt"
    torch.jit.script(FailsOn(torch.jit.load(str(SAMPLE)), a, b, for_memory=for_memory)).save(str(path))
    return path


def audited(path: Path, pairs: str) -> Results:
    plan = Plan(
        model={"path": str(path), "trust_model": True}, data={"data": "digits"}, pairs=pairs, profile="quick",
        samples_per_class=8, generator="rpbs",
    )  # fmt: skip
    return run(plan, lambda *_: None)[0]


@pytest.mark.parametrize(
    ("for_memory", "reason"),
    [(False, "no answer on this boundary"), (True, "memory ran out: ")],
    ids=["error", "memory"],
)
def test_the_others_are_measured(tmp_path: Path, for_memory: bool, reason: str) -> None:
    results = audited(failing(tmp_path, 3, 8, for_memory=for_memory), "0:1,3:8,4:9")
    assert [pair.classes for pair in results.pairs] == [(0, 1), (4, 9)]
    assert results.coverage.missing == [(3, 8)]
    assert results.coverage.partial
    assert "3:8 could not be measured: " in results.coverage.reason
    assert reason in results.coverage.reason
    (check,) = [check for check in results.validity if check.id == "coverage"]
    assert check.status == "warn"
    assert reason in check.message
    assert all(d.generation.boundary and d.generation.requested == 8 for p in results.pairs for d in p.directions)


def test_an_audit_of_which_no_pair_can_be_measured_ends_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no answer on this boundary"):
        audited(failing(tmp_path, 3, 8), "3:8")


def test_through_the_command(tmp_path: Path) -> None:
    done = run_command(
        [failing(tmp_path, 3, 8, for_memory=True), "--data", "digits", "--pairs", "0:1,3:8", "--profile", "quick",
         "--samples-per-class", "8", "--generator", "rpbs", "--trust-model", "--format", "html", "--out", "out"],
        tmp_path,
    )  # fmt: skip
    assert done.status == 4
    assert "expected 2 pairs of classes; found 1 audited, without 3:8 (3:8 could not be measured: memory" in done.error
    page = (tmp_path / "out" / "report.html").read_text()
    assert "3:8 could not be measured: memory ran out" in page


def test_a_baseline_that_fails_is_not_measured_and_costs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing_baselines(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(tasks, "run_baselines", failing_baselines)
    plan = Plan(
        model={"path": str(SAMPLE.with_suffix(".onnx"))}, data={"data": "digits"}, pairs="3:8,4:9", profile="quick",
        samples_per_class=8, generator="epbs", report_pairs=1,
    )  # fmt: skip
    results = run(plan, lambda *_: None)[0]
    assert [pair.classes for pair in results.pairs] == [(3, 8), (4, 9)]
    (first, *_), other = results.summary.ranking, results.summary.ranking[1]
    reasons = {pair.classes: pair.directions[0].baselines["rpbs"] for pair in results.pairs}
    assert reasons[first] == NotMeasured(not_measured="memory ran out: no more memory")
    assert "--profile thorough" in str(reasons[other])
