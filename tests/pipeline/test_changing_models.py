"""A model that changes during the audit, or that has no boundary to speak of, has no numbers in the end."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from torch import Tensor, nn

from auditor.documents.plan import Plan
from auditor.documents.results import Results, from_json, to_json
from auditor.errors import AuditError, AuditIncomplete, InputRefused
from auditor.pipeline.run import run
from auditor.policy.believable import unusable
from tests.cli.command import run as run_command
from tests.models.changing import ByAttribute, Changing, Scaled, program, sample, script


class Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros(x.size(0), 10) + torch.arange(10)


class NanInBetween(nn.Module):
    """No numbers where the two likeliest classes are nearly equally probable, so nowhere on a boundary."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        z = self.inner(x)
        first, second = torch.softmax(z, dim=1).topk(2, dim=1)[0].unbind(1)
        return torch.where((first - second < 0.005)[:, None], torch.full_like(z, float("nan")), z)


def audited(path: Path, pairs: str = "3:8") -> Results:
    plan = Plan(
        model={"path": str(path), "trust_model": True}, data={"data": "digits"}, pairs=pairs, profile="quick",
        samples_per_class=16,
    )  # fmt: skip
    return run(plan, lambda *_: None)[0]


@pytest.mark.parametrize(("first", "error"), [(100, InputRefused), (400, AuditIncomplete)], ids=str)
def test_a_script_that_changes(first: int, error: type[AuditError], tmp_path: Path):
    with pytest.raises(error, match=r"the same answer to the same input; found other .* after") as caught:
        audited(script(Changing(sample(), first, "rolled"), tmp_path))
    assert "writes to calls" in str(caught.value) or error is AuditIncomplete


def test_a_program_that_changes(tmp_path: Path):
    with pytest.raises(AuditError, match="the same answer to the same input"):
        audited(program(Changing(sample(), 100, "rolled"), tmp_path, 1, 8, 8))


def test_one_that_changes_between_parts_keeps_what_was_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for cut in ("pairs_of_a_task", "pairs_screened_at_once"):
        monkeypatch.setattr(f"auditor.pipeline.schedule.{cut}", lambda *_: 1)
    results = audited(script(ByAttribute(sample(), 950), tmp_path), "3:8,4:9,0:1")
    assert results.coverage.audited == 1
    assert "the model changed its answers" in results.coverage.reason
    (check,) = [check for check in results.validity if check.id == "determinism"]
    assert check.status == "fail"
    assert "determinism" in str(unusable(results))


@cache
def plain() -> Results:
    with TemporaryDirectory() as folder:
        return audited(script(sample(), Path(folder)))


def test_one_that_would_change_later_has_the_numbers_of_the_model(tmp_path: Path):
    changing = audited(script(Changing(sample(), 10**6, "rolled"), tmp_path))
    assert changing.performance == plain().performance
    for one, two in zip(plain().pairs[0].directions, changing.pairs[0].directions, strict=True):
        assert two.margins == one.margins
        assert two.generation == one.generation
        assert two.characteristics["idc"] == one.characteristics["idc"]
    (check,) = [check for check in changing.validity if check.id == "determinism"]
    assert (check.status, "writes to calls" in check.message) == ("warn", True)


def test_tiny_logits_have_the_same_numbers(tmp_path: Path):
    other = audited(script(Scaled(sample(), 1e-8), tmp_path))
    assert other.performance.accuracy == plain().performance.accuracy
    for one, two in zip(plain().pairs[0].directions, other.pairs[0].directions, strict=True):
        assert two.generation.boundary >= 0.9 * one.generation.requested
        for split, margins in one.margins.items():
            assert two.margins[split].l2 == pytest.approx(margins.l2, rel=0.05, abs=0.02)


def test_a_constant_model_is_refused(tmp_path: Path):
    with pytest.raises(InputRefused, match="class 9 for all 1,797 samples, with the same probabilities; check that"):
        audited(script(Constant(), tmp_path))


def test_an_audit_without_any_boundary_instance_ends_with_4_and_its_files_and_passes_no_gate(tmp_path: Path):
    done = run_command(
        [script(NanInBetween(sample()), tmp_path), "--data", "digits", "--pairs", "3:8", "--profile", "quick",
         "--samples-per-class", "16", "--out", "out", "--format", "json,junit"],
        tmp_path,
    )  # fmt: skip
    assert done.status == 4
    assert "found no boundary instance in any pair of classes" in done.error
    assert "NaN or infinity" in done.stderr
    assert {"results.json", "junit.xml"} <= {path.name for path in (tmp_path / "out").iterdir()}
    (tmp_path / "p.toml").write_text("version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.5\n")
    written = tmp_path / "out" / "results.json"
    gate = run_command(["gate", written, "--policy", "p.toml"], tmp_path)
    assert (gate.status, gate.stdout.splitlines()[-1].endswith("and 2 failed")) == (1, True)
    results = from_json(written.read_bytes())  # without its failed checks it is refused
    for lacking in ("status", "check"):
        mild = [
            v.model_copy(update={"status": "warn"})
            for v in results.validity
            if lacking != "check" or v.status != "fail"
        ]
        written.write_text(to_json(results.model_copy(update={"validity": mild})))
        gate = run_command(["gate", written, "--policy", "p.toml"], tmp_path)
        assert (gate.status, "results that agree with themselves" in gate.error) == (3, True)
