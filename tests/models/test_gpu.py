"""A GPU that is there and not used is told, one that is used computes in float32, and its failures are its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from auditor.errors import AuditIncomplete
from auditor.models.base import ModelOptions
from auditor.models.classifier import Batching
from auditor.models.gpu import compute_exactly, computing_on, failure_of, nvidia_device, unused_device, why_no_cuda
from auditor.models.memory import lack_of_memory
from auditor.models.open import open_model
from auditor.models.trial_checks import check_gradient
from tests.analytic import HalfSpace, classifier

MODELS = Path(__file__).parents[2] / "sample_models"
CUDA, CPU = torch.device("cuda"), torch.device("cpu")
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
OF_THE_DEVICE = (
    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!",
    "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported",
    "CUDA error: no kernel image is available for execution on the device",
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`",
    "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED",
    "GET was unable to find an engine to execute this computation: CUDNN_STATUS_NOT_SUPPORTED",
    "\"addmm_cuda\" not implemented for 'Long'",
    "Could not run 'aten::q' with arguments from the 'CUDA' backend",
    "Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same",
)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[object]]]:
    """How torch computes: TF32 by its older and newer names, determinism; put back afterwards."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    backends, deterministic = torch.backends, torch.utils.deterministic
    kept = backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32, deterministic.fill_uninitialized_memory
    yield lambda: [
        backends.cudnn.allow_tf32,
        backends.cuda.matmul.allow_tf32,
        torch.get_float32_matmul_precision(),
        "tf32" in (backends.cudnn.conv.fp32_precision, backends.cuda.matmul.fp32_precision),
        backends.cudnn.benchmark,
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        deterministic.fill_uninitialized_memory,
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    ]
    backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32, deterministic.fill_uninitialized_memory = kept
    torch.set_deterministic_debug_mode("default")


def test_a_gpu_computes_in_float32_and_alike_in_every_run(settings: Callable[[], list[object]]):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    compute_exactly(torch.device("cuda:0"))
    assert settings() == [False, False, "highest", False, False, True, True, False, ":4096:8"]


def test_a_cpu_keeps_its_settings(settings: Callable[[], list[object]]):
    before = settings()
    compute_exactly(CPU)
    assert settings() == before


@pytest.mark.parametrize("place", ["dev/nvidia0", "dev/nvidia3", "dev/nvidiactl", "proc/driver/nvidia/gpus"])
def test_a_device_is_seen(tmp_path: Path, place: str):
    assert nvidia_device(tmp_path) is None
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).touch()
    assert nvidia_device(tmp_path) == f"/{place}"


@no_gpu
@pytest.mark.parametrize("name", ["digits_cnn.onnx", "digits_cnn.pt"])
def test_a_device_that_is_not_used_is_a_warning(tmp_path: Path, name: str):
    backend = open_model(MODELS / name, ModelOptions())
    assert unused_device("auto", backend, tmp_path) is None
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidia0").touch()
    assert unused_device("cpu", backend, tmp_path) is None
    check = unused_device("auto", backend, tmp_path)
    assert check is not None
    assert (check.id, check.status) == ("device", "warn")
    assert f"on the CPU by {backend.runtime}" in check.message
    assert f"(/dev/nvidia0): torch {torch.__version__}" in check.message


def test_a_runtime_that_missed_the_gpu_gives_its_own_reason(tmp_path: Path):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidiactl").touch()
    backend = open_model(MODELS / "digits_cnn.onnx", ModelOptions(device="cpu"))
    backend.device, backend.missed = CUDA, "the provider lacks libfive.so"
    check = unused_device("auto", backend, tmp_path)
    assert check is not None
    assert "(/dev/nvidiactl): the provider lacks libfive.so." in check.message
    backend.missed = None
    assert unused_device("auto", backend, tmp_path) is None


@no_gpu
def test_why_there_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert why_no_cuda().startswith(f"torch {torch.__version__}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert why_no_cuda() == "CUDA_VISIBLE_DEVICES is '-1', which hides it"


def fail(device: torch.device, text: str) -> None:
    with computing_on(device):
        raise RuntimeError(text)


@pytest.mark.parametrize("text", OF_THE_DEVICE)
def test_a_failure_of_the_device_is_told_as_one(text: str):
    with pytest.raises(AuditIncomplete, match=r"a model that computes on cuda; .* there: .*; say --device cpu$"):
        fail(CUDA, text)
    with pytest.raises(RuntimeError):
        fail(CPU, text)


class FailingBackwards(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, text: str) -> torch.Tensor:
        ctx.text = text
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *_: torch.Tensor) -> None:
        raise RuntimeError(ctx.text)


@pytest.mark.parametrize("text", [*OF_THE_DEVICE, "CUDA out of memory"])
def test_gradients_that_fail_on_the_device_are_no_missing_gradients(text: str):
    class Failing(HalfSpace):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(FailingBackwards.apply(x, text))

    f = classifier(Failing(torch.ones(4), -2.0), (4,), 2)
    f.backend.device = CUDA
    with pytest.raises(AuditIncomplete, match=r"say --device cpu$"):
        check_gradient(f, torch.rand(8, 4))
    f.backend.device = CPU
    missing, _ = check_gradient(f, torch.rand(8, 4))
    assert missing is not None


@pytest.mark.parametrize("text", ["mat1 and mat2 shapes cannot be multiplied", "element 0 does not require grad"])
def test_a_failure_of_the_model_is_not(text: str):
    assert failure_of(CUDA, RuntimeError(text)) is None


def test_a_lack_of_memory_is_still_known_as_one():
    """So that the batch is halved; only where nothing can be halved the audit ends."""
    with pytest.raises(AuditIncomplete, match="fits into the memory of cuda; found CUDA out of memory") as caught:
        fail(CUDA, "CUDA out of memory. Tried to allocate 20 GiB")
    assert lack_of_memory(caught.value)
    calls = list[int]()

    def compute(part: torch.Tensor) -> int:
        calls.append(len(part))
        if len(part) > 2:
            fail(CUDA, "cuDNN error: CUDNN_STATUS_ALLOC_FAILED")
        return len(part)

    assert Batching(8).run(compute, torch.zeros(5, 1)) == [2, 2, 1]
    assert calls == [5, 2, 2, 1]
