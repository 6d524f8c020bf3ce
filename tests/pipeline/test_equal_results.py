"""The same audit on other batch sizes, numbers of threads and devices: equal within its intervals, and repeatable.

The tolerance is the half-width of both intervals together; counts may differ by a few instances at the edge.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from auditor.documents.plan import Plan
from auditor.documents.results import Measure, Results, to_json
from auditor.models import batch_size
from auditor.pipeline.run import run
from benchmarks.gpu.audits import compared

DIGITS_CNN = Path(__file__).parents[2] / "sample_models" / "digits_cnn.onnx"


def audited(pairs: str = "3:8,4:9", device: str = "cpu", path: Path = DIGITS_CNN) -> Results:
    model = {"path": str(path), "device": device}
    plan = Plan(model=model, data={"data": "digits"}, pairs=pairs, profile="quick", report_pairs=0)
    results, _ = run(plan, lambda stage, done, total, detail="": None)
    return results


@pytest.fixture(scope="module")
def usual() -> Results:
    return audited()


def reach(measure: Measure) -> float:
    """Width of the interval; twice the known side where the other is open, a share of the value where both are."""
    if measure.ci_low is None and measure.ci_high is None:
        return 0.2 * abs(measure.value)
    low = measure.value - measure.high if measure.ci_low is None else measure.low - measure.value
    high = measure.value - measure.low if measure.ci_high is None else measure.high - measure.value
    return high - low


def assert_alike(one: Results, other: Results) -> None:
    for a, b in zip(one.pairs, other.pairs, strict=True):
        for forth, back in zip(a.directions, b.directions, strict=True):
            assert abs(forth.generation.boundary - back.generation.boundary) <= 2
            for id, measure in forth.characteristics.items():
                twin = back.characteristics[id]
                assert isinstance(measure, Measure) == isinstance(twin, Measure), id
                if isinstance(measure, Measure) and isinstance(twin, Measure):
                    halves = (reach(measure) + reach(twin)) / 2
                    assert abs(measure.value - twin.value) <= halves + 1e-6, id


def test_other_batch_sizes(usual: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_size, "LARGEST_CPU", 24)
    assert_alike(usual, audited())


def test_another_number_of_threads(usual: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    try:
        assert_alike(usual, audited())
    finally:
        torch.set_num_threads(1)


def test_the_same_command_gives_the_same_bytes(usual: Results) -> None:
    assert to_json(audited()) == to_json(usual)


def test_a_pair_beside_others_is_measured_as_it_is_alone(usual: Results) -> None:
    alone = audited("4:9")
    assert_alike(alone, usual.model_copy(update={"pairs": usual.pairs[1:]}))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu(usual: Results) -> None:
    assert_used_the_gpu(results := audited(device="cuda"))
    assert "CUDAExecutionProvider" in results.model.runtime
    assert_as_good_as_equal(usual, results)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_beside_a_runtime_for_the_cpu() -> None:
    """TorchScript needs no ONNX Runtime that has CUDA."""
    path = DIGITS_CNN.with_suffix(".pt")
    assert_used_the_gpu(results := audited(device="cuda", path=path))
    assert_as_good_as_equal(audited(path=path), results)


def assert_as_good_as_equal(usual: Results, results: Results) -> None:
    """Rounded otherwise, another path of a search may be taken, so a few of hundreds of measures may lie apart."""
    said, good = compared(usual, results)
    assert good, said


def assert_used_the_gpu(results: Results) -> None:
    """By the method asked for: an error on the device must not end as a search without gradients."""
    assert isinstance(results.model.gradient, str)
    assert results.settings.generator == "deepdig"
    assert results.settings.device.startswith("cuda")
    assert not [check for check in results.validity if check.id in ("device", "gradient") and check.status != "ok"]
