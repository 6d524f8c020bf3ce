"""Whole audits on the simulated device give the numbers of the CPU, bit for bit, whatever the model and the route."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from auditor.audit.inspection import inspect
from auditor.boundary import cross_check, deepdig
from auditor.boundary.gradient_free import GradientFree
from auditor.boundary.other_routes import Effort
from auditor.boundary.rescue import Rescue
from auditor.boundary.training import Training
from sample_models.architectures import DigitsCnn
from tests.simulated_cuda.audits import OnCuda, audited, audited_on_cuda, batches_of_the_cpu, facts, plan_of
from tests.simulated_cuda.device import SimulatedCuda

SAMPLE_MODELS = Path(__file__).parents[2] / "sample_models"
CNN, CNN_TORCHSCRIPT = SAMPLE_MODELS / "digits_cnn.onnx", SAMPLE_MODELS / "digits_cnn.pt"
FCN = SAMPLE_MODELS / "digits_fcn.onnx"


@pytest.fixture(autouse=True)
def _same_batches() -> Iterator[None]:
    with batches_of_the_cpu():
        yield


def same_on_both(path: Path, device: str = "cuda", build: Any = "GPU", **more: Any) -> OnCuda:
    """The audit on the device, which states what the one on the CPU does."""
    there = audited_on_cuda(plan_of(path, device, **more), build)
    assert facts(there.results) == facts(audited(plan_of(path, "cpu", **more)))
    assert there.results.settings.device.startswith("cuda")
    assert there.results.pairs
    return there


def digits_cnn() -> nn.Module:
    """The sample model as a module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = DigitsCnn()
        network.load_state_dict(torch.jit.load(str(CNN_TORCHSCRIPT), map_location="cpu").state_dict())
        return network.eval()


def test_onnx() -> None:
    """ONNX Runtime reads and writes the memory of the device, and torch's twin gives the gradients there."""
    there = same_on_both(CNN)
    assert "CUDAExecutionProvider" in there.results.model.runtime
    assert 0 < there.events.total("runtime call") == sum(sum(s.batches.values()) for s in there.sessions)


def test_torchscript() -> None:
    assert "TorchScript" in same_on_both(CNN_TORCHSCRIPT, samples_per_class=12).results.model.runtime


@pytest.mark.filterwarnings("ignore")
def test_an_exported_program(tmp_path: Path) -> None:
    sizes = ({0: torch.export.Dim("batch", min=1)},)
    program = torch.export.export(digits_cnn(), (torch.rand(2, 1, 8, 8),), dynamic_shapes=sizes)
    torch.export.save(program, tmp_path / "digits.pt2")
    there = same_on_both(tmp_path / "digits.pt2", samples_per_class=12)
    assert "torch.export" in there.results.model.runtime


def test_a_shared_start() -> None:
    """Six pairs of four classes: every direction goes on from what its target's network has learned."""
    pairs = "3:8,3:9,3:5,5:8,5:9,8:9"
    there = same_on_both(FCN, pairs=pairs, samples_per_class=16, generator="deepdig")
    assert "shared start" in there.results.settings.parameters


@pytest.mark.parametrize("generator", ["gradient-free", "rpbs", "epbs"])
def test_other_generators(generator: str) -> None:
    assert same_on_both(FCN, generator=generator, samples_per_class=12).results.settings.generator == generator


def test_a_runtime_without_cuda_beside_a_gpu() -> None:
    """ONNX Runtime is a CPU build: the artefact answers on the CPU, its twin on the device."""
    there = same_on_both(CNN, device="auto", build="CPU", samples_per_class=12)
    assert "CPUExecutionProvider" in there.results.model.runtime
    assert there.events.total("runtime call") == 0
    assert there.events.total("kernel") > 0


def test_what_is_tried_before_a_source_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too short a training leaves sources to the longer one, to the segment and to the gradient-free search."""
    short = Training(steps=4, batch=4)
    rescue = Rescue(below=1.01, longer=Training(steps=8, batch=4), free=GradientFree.configured("quick"))
    recipe = replace(deepdig.RECIPES["quick"], forth=short, back=short, rescue=rescue)
    monkeypatch.setitem(deepdig.RECIPES, "quick", recipe)
    there = same_on_both(FCN, samples_per_class=16)
    assert any(way.generation.rescued for pair in there.results.pairs for way in pair.directions)


class Masked(nn.Module):
    """Pixels rounded to nine levels, and probabilities spelled out at a low temperature: gradients that mislead."""

    def __init__(self) -> None:
        super().__init__()
        self.network = digits_cnn()

    def forward(self, x: Tensor) -> Tensor:
        z = self.network(torch.round(x * 8) / 8) / 0.05
        e = torch.exp(z - z.amax(1, keepdim=True))
        return e / e.sum(1, keepdim=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ending", [".onnx", ".pt"])
def test_a_model_that_masks_its_gradient(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other route to the nearest points, each with little effort."""
    little = Effort(rounds=1, back=12, walk=6, corners=12)
    for name in ("LOOK", "LONG_LOOK", "LENGTH", "LONGER"):
        monkeypatch.setattr(cross_check, name, little)
    monkeypatch.setattr(cross_check, "SLIGHT", 0.0)
    path, x = tmp_path / f"masked{ending}", torch.rand(2, 1, 8, 8)
    if ending == ".pt":
        torch.jit.trace(Masked(), x).save(str(path))
    else:
        torch.onnx.export(
            Masked(), (x,), str(path), dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}}
        )  # fmt: skip
    there = same_on_both(path, samples_per_class=8)
    assert "straight-through" in str(there.results.model.gradient)
    assert "smoothed" in str(there.results.settings.parameters).lower()


def test_inspect() -> None:
    """It states the same of a model on the device, but for times and memory."""

    def stated(device: str) -> dict[str, Any]:
        document = inspect(plan_of(CNN_TORCHSCRIPT, device), lambda *_, **__: None).model_dump(mode="json")
        del document["runtime"], document["model"]["runtime"], document["peak_memory_bytes"]
        del document["cost"], document["estimates"]
        return document

    with SimulatedCuda():
        there = stated("cuda")
    assert there == stated("cpu")
