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

from auditor.boundary import deepdig
from auditor.boundary import misleading_gradients as cross_check
from auditor.boundary.gradient_free import GradientFree
from auditor.boundary.minimal_norm_attack import AttackTask, NearestSearch
from auditor.boundary.other_searches import Effort
from auditor.boundary.rescue import Rescue
from auditor.boundary.training import Training
from auditor.datasets.base import DataRequest
from auditor.datasets.load import load_dataset
from auditor.documents.profiles import PROFILES
from auditor.functional.minimal_norm import AttackBudget
from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.open import open_model
from auditor.pipeline.inspect.inspect_model import inspect
from sample_models.architectures import DigitsCnn
from tests.simulated_cuda.audits import OnCuda, audited, audited_on_cuda, batches_of_the_cpu, facts, plan_of
from tests.simulated_cuda.device import SimulatedCuda
from tests.simulated_cuda.runtime import runtime_with_cuda

SAMPLE_MODELS = Path(__file__).parents[2] / "sample_models"
CNN, CNN_TORCHSCRIPT = SAMPLE_MODELS / "digits_cnn.onnx", SAMPLE_MODELS / "digits_cnn.pt"
FCN = SAMPLE_MODELS / "digits_fcn.onnx"


@pytest.fixture(autouse=True)
def _same_batches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """And trainings so short, and so few attacks, that an audit on the device takes seconds."""
    little = replace(PROFILES["quick"], attacked=4, attacked_train=4)
    monkeypatch.setitem(PROFILES, "quick", little)
    usual = deepdig.RECIPES["quick"]
    short = replace(usual, forth=_few_steps(usual.forth), back=_few_steps(usual.back), tuned=_few_steps(usual.tuned))
    monkeypatch.setitem(deepdig.RECIPES, "quick", replace(short, shared=replace(deepdig.SHARED, steps=10)))
    with batches_of_the_cpu():
        yield


def _few_steps(training: Training) -> Training:
    return replace(training, steps=8, check_every=4)


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
    there = same_on_both(CNN, samples_per_class=8)
    assert "CUDAExecutionProvider" in there.results.model.runtime
    assert 0 < there.events.total("runtime call") == sum(sum(s.batches.values()) for s in there.sessions)


def test_torchscript() -> None:
    assert "TorchScript" in same_on_both(CNN_TORCHSCRIPT, samples_per_class=8).results.model.runtime


@pytest.mark.filterwarnings("ignore")
def test_an_exported_program(tmp_path: Path) -> None:
    sizes = ({0: torch.export.Dim("batch", min=1)},)
    program = torch.export.export(digits_cnn(), (torch.rand(2, 1, 8, 8),), dynamic_shapes=sizes)
    torch.export.save(program, tmp_path / "digits.pt2")
    there = same_on_both(tmp_path / "digits.pt2", samples_per_class=8)
    assert "torch.export" in there.results.model.runtime


def test_a_shared_start() -> None:
    """Six pairs of four classes: every direction goes on from what its target's network has learned."""
    pairs = "3:8,3:9,3:5,5:8,5:9,8:9"
    there = same_on_both(FCN, pairs=pairs, samples_per_class=8, generator="deepdig")
    assert "shared start" in there.results.settings.parameters


@pytest.mark.parametrize("generator", ["gradient-free", "rpbs"])
def test_other_generators(generator: str) -> None:
    assert same_on_both(FCN, generator=generator, samples_per_class=8).results.settings.generator == generator


def test_a_runtime_without_cuda_beside_a_gpu() -> None:
    """ONNX Runtime is a CPU build: the artefact answers on the CPU, its twin on the device."""
    there = same_on_both(CNN, device="auto", build="CPU", samples_per_class=8)
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
def test_a_model_that_masks_its_gradient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other route to the nearest points, each with little effort, and the points of the one chosen."""
    little = Effort(rounds=1, back=12, walk=6, corners=12)
    for name in ("LOOK", "LONG_LOOK", "LENGTH", "LONGER"):
        monkeypatch.setattr(cross_check, name, little)
    monkeypatch.setattr(cross_check, "SLIGHT", 0.0)
    path, x = tmp_path / "masked.onnx", torch.rand(2, 1, 8, 8)
    torch.onnx.export(Masked(), (x,), str(path), dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}})
    split = load_dataset(DataRequest("digits"), (1, 8, 8)).train
    samples = {k: split.instances(torch.nonzero(split.labels == k).flatten()[:4]) for k in (3, 8)}

    def nearest(device: str) -> tuple[Any, list[Tensor]]:
        classifier = bind(open_model(path, ModelOptions(device=device)), split.instances(slice(0, 32)), ModelOptions())
        assert "straight-through" in str(classifier.classifier.gradient)
        rng = torch.Generator().manual_seed(0)
        task = AttackTask(3, 8, samples[3], samples[8], rng)
        attack = NearestSearch(AttackBudget(first=4, again=2, halvings=3))
        search, check = cross_check.choose_search(classifier.classifier, [task], attack)
        (points,) = search(classifier.classifier, [task])
        return (search.title, check), [points.l2, points.linf, points.tried_l2, points.tried_linf]

    said, points = nearest("cpu")
    with SimulatedCuda() as device, runtime_with_cuda(device.events):
        said_there, points_there = nearest("cuda")
    assert said_there == said
    assert all(torch.equal(a, b) for a, b in zip(points, points_there, strict=True))
    assert "averaged over noise" in said[0]


class Placed(nn.Module):
    """Adds a ramp that it makes at every call, as position embeddings do; a trace bakes the CPU into its factory."""

    def __init__(self) -> None:
        super().__init__()
        self.network = digits_cnn()

    def forward(self, x: Tensor) -> Tensor:
        ramp = torch.arange(8, dtype=torch.float32, device=x.device) + torch.zeros(8, device=x.device)
        return self.network(x + 1e-3 * ramp)


def test_a_trace_of_the_cpu_that_makes_tensors(tmp_path: Path) -> None:
    """It runs on the device, whatever device its factories were traced on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(Placed().eval(), torch.rand(2, 1, 8, 8)).save(str(tmp_path / "placed.pt"))
    same_on_both(tmp_path / "placed.pt", generator="rpbs", samples_per_class=8)


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
