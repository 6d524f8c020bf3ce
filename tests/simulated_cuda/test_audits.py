"""Whole audits on the simulated device give the numbers of the CPU, bit for bit, whatever the model and the route."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulated_cuda.audits import audited, audited_on_cuda, batches_of_the_cpu, facts, plan_of

SAMPLE_MODELS = Path(__file__).parents[2] / "sample_models"


@pytest.fixture(autouse=True)
def _same_batches() -> Iterator[None]:
    with batches_of_the_cpu():
        yield


def test_onnx() -> None:
    """ONNX Runtime reads and writes the memory of the device, and torch's twin gives the gradients there."""
    path = SAMPLE_MODELS / "digits_cnn.onnx"
    there = audited_on_cuda(plan_of(path, "cuda"))
    assert facts(there.results) == facts(audited(plan_of(path, "cpu")))
    assert "CUDAExecutionProvider" in there.results.model.runtime
    assert there.results.settings.device == "cuda"
    assert 0 < there.events.total("runtime call") == sum(sum(s.batches.values()) for s in there.sessions)
