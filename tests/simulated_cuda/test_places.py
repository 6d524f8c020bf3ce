"""Answers lie where the instances lie, what crosses to the device does so once, and IDC's fast route is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch import Tensor

from auditor.characteristics.idc import InputSpaceComplexity
from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.classifier import Classifier
from auditor.models.fast_classes import reduced_precision
from auditor.models.open import open_model
from tests.characteristics.evidence import evidence, instances
from tests.simulated_cuda.audits import batches_of_the_cpu
from tests.simulated_cuda.device import SimulatedCuda
from tests.simulated_cuda.runtime import runtime_with_cuda

SAMPLE_MODELS = Path(__file__).parents[2] / "sample_models"


def opened(name: str, device: str) -> Classifier:
    """A sample model, normalising as a user may ask for."""
    options = ModelOptions(device=device, mean=(0.4,), std=(0.3,))
    return bind(open_model(SAMPLE_MODELS / name, options), pixels(16), options).classifier


def pixels(count: int) -> Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["digits_cnn.onnx", "digits_cnn.pt"])
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def device() -> Iterator[SimulatedCuda]:
    with batches_of_the_cpu(), SimulatedCuda() as there, runtime_with_cuda(there.events):
        yield there


def counted(device: SimulatedCuda, run: Callable[[], object]) -> tuple[int, int, int]:
    """Copies to the device and back, and bytes to it."""

    def now() -> tuple[int, int, int]:
        events = device.events
        return events.total("to device"), events.total("to host"), events.total_bytes("to device")

    before = now()
    run()
    a, b, c = (after - then for after, then in zip(now(), before, strict=True))
    return a, b, c


def test_answers_lie_where_the_instances_lie(device: SimulatedCuda, model: str):
    f, x = opened(model, "cuda"), pixels(40)
    f.batching.size = 16
    here, there = f.scores_and_embeddings(x), f.scores_and_embeddings(x.to("cuda"))
    for on_host, on_device in zip((*here, f.predict(x)), (*there, f.predict(x.to("cuda"))), strict=True):
        assert not on_host.is_cuda
        assert on_device.is_cuda
        assert torch.equal(on_device.cpu(), on_host)
    assert f.scores(x.to("cuda")[:0]).is_cuda
    assert counted(device, lambda: f.predict(x.to("cuda")))[0] == 1
    # Three batches there, one copy back.
    assert counted(device, lambda: f.predict(x))[:2] == (3, 1)


def test_pixels_travel_as_they_are(device: SimulatedCuda, model: str):
    f = opened(model, "cuda")
    whole = (pixels(40) * 255).to(torch.uint8)
    f.predict(whole[:1])  # the numbers that normalise are put there once
    assert counted(device, lambda: f.predict(whole)) == (1, 1, whole.numel())
    assert torch.equal(f.probabilities(whole), f.probabilities(whole.float() / 255))


def test_small_sets_share_batches_on_a_gpu_alone(device: SimulatedCuda, model: str):
    f, parts = opened(model, "cuda"), list(pixels(30).split(10))
    with mock.patch.object(f.backend, "scores", wraps=f.backend.scores) as asked:
        usual = f.of_each(f.probabilities, parts)
        assert asked.call_count == 3
        with mock.patch.dict("auditor.models.classifier.TOGETHER", cuda=True):
            together = f.of_each(f.probabilities, parts)
        assert asked.call_count == 4
    for a, b in zip(usual, together, strict=True):
        torch.testing.assert_close(a, b)


def test_the_fast_route_on_the_device_changes_no_class(device: SimulatedCuda, model: str):
    f, x = opened(model, "cuda"), pixels(40)
    assert f.reduced is None
    # At a precision of 0 every point is asked for; which ones are else is chosen by leads, which the routes round.
    ev = evidence(f, instances(f, x, x), train=x[:0], test=x[:0], precision=0.0)
    usual = InputSpaceComplexity().measure(ev, rng=torch.Generator().manual_seed(0))
    fast = replace(ev, classifier=replace(f, reduced=torch.float16))
    found = InputSpaceComplexity().measure(fast, rng=torch.Generator().manual_seed(0))
    assert found.measures == usual.measures
    assert "asked again" in found.series["idc_trace"].title


@pytest.mark.parametrize(("fast", "exact", "kept"), [(1.0, 4.0, torch.float16), (1.0, 1.2, None), (4.0, 1.0, None)])
def test_the_fast_route_is_kept_where_it_is_faster(device: SimulatedCuda, model: str, fast, exact, kept):
    f, clock = opened(model, "cuda"), iter([0.0, fast, 10.0, 10.0 + exact])
    assert reduced_precision(f, pixels(3), clock=lambda: next(clock)) == kept


@pytest.mark.parametrize("capability", [(6, 1), (7, 0)])
def test_an_old_gpu_has_no_fast_route(device: SimulatedCuda, model: str, capability: tuple[int, int]):
    f, clock = opened(model, "cuda"), iter([0.0, 1.0, 10.0, 20.0])
    with mock.patch.object(torch.cuda, "get_device_capability", return_value=capability):
        kept = reduced_precision(f, pixels(3), clock=lambda: next(clock))
    assert kept == (torch.float16 if capability == (7, 0) else None)
