"""A GPU that is there and not used: told while the audit begins, in the results, in ``inspect`` and on page 1.

The only thing that is not of this machine is the folder in which its devices are looked for.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from auditor.documents.plan import Plan
from auditor.documents.results import Validity
from auditor.models.gpu import unused_device
from auditor.pipeline import model_and_data as subject
from auditor.pipeline.inspect.inspect_model import inspect
from auditor.render.view import build
from tests.render.sample_results import synthetic_results

DIGITS_CNN = Path(__file__).parents[2] / "sample_models" / "digits_cnn.onnx"
pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")


def plan(device: str, data: bool = True) -> Plan:
    return Plan(model={"path": str(DIGITS_CNN), "device": device}, data={"data": "digits"} if data else None)


@pytest.fixture
def nvidia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidia0").touch()
    monkeypatch.setattr(subject, "unused_device", partial(unused_device, root=tmp_path))


def opened(device: str) -> tuple[list[Validity], list[str]]:
    """What stands against the numbers because of the device, and the progress that tells of it."""
    told = list[str]()

    def report(stage: str, done: int, total: int, detail: str = "") -> None:
        told.append(f"{stage}: {detail}")

    checks = subject.open_subject(plan(device), report).checks
    return [check for check in checks if check.id == "device"], [line for line in told if "NVIDIA" in line]


@pytest.mark.usefixtures("nvidia")
def test_it_is_told_with_its_reason():
    (check,), (line,) = opened("auto")
    assert check.status == "warn"
    assert f"NVIDIA device (/dev/nvidia0): torch {torch.__version__}" in check.message
    assert line == f"computing on the CPU: {check.message}"


@pytest.mark.usefixtures("nvidia")
def test_who_asks_for_the_cpu_hears_nothing():
    assert opened("cpu") == ([], [])


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_without_such_a_device_there_is_nothing_to_say(device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(subject, "unused_device", partial(unused_device, root=tmp_path))
    assert opened(device) == ([], [])


@pytest.mark.usefixtures("nvidia")
def test_inspect_says_it_without_data_too():
    (check,) = inspect(plan("auto", data=False), lambda stage, done, total, detail="": None).validity
    assert (check.id, check.status) == ("device", "warn")


def test_page_1_says_who_computed():
    results = synthetic_results(images=False)
    warning = Validity(id="device", status="warn", message="The model was computed on the CPU.")
    front = build(results.model_copy(update={"validity": [*results.validity, warning]})).front
    assert {term.name: term.text for term in front.facts}["Computed by"] == results.model.runtime
    assert warning.message in [flag.text for flag in front.flags]
