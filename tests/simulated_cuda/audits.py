"""One audit on the CPU and on the simulated device, with the same batches on both."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from unittest import mock

from auditor.documents.plan import Plan
from auditor.documents.results import Results
from auditor.models import batch_size
from auditor.models import bind_to_data as bind
from auditor.models.onnx.operators import convolution, pooling
from auditor.pipeline.run import run
from tests.simulated_cuda.device import SimulatedCuda
from tests.simulated_cuda.events import Events
from tests.simulated_cuda.runtime import CudaSession, runtime_with_cuda, runtime_without_cuda

Build = Literal["GPU", "CPU"]
"""Of ONNX Runtime."""


@dataclass(frozen=True)
class OnCuda:
    """An audit on the simulated device.

    Args:
        results: of the audit.
        events: what it copied and waited for.
        sessions: those of ONNX Runtime's CUDA provider.
    """

    results: Results
    events: Events
    sessions: list[CudaSession]


def plan_of(path: object, device: str, **more: Any) -> Plan:
    """A small audit of one pair of digits."""
    model = {"path": str(path), "device": device, "trust_model": True}
    usual = {"pairs": "3:8", "profile": "quick", "samples_per_class": 24, "report_pairs": 0}
    return Plan(model=model, data={"data": "digits"}, **{**usual, **more})


def audited(plan: Plan) -> Results:
    """The results of an audit in this process."""
    return run(plan, lambda stage, done, total, detail="": None)[0]


def audited_on_cuda(plan: Plan, build: Build = "GPU") -> OnCuda:
    """The same on the simulated device."""
    with SimulatedCuda() as device, ExitStack() as stack:
        sessions = list[CudaSession]()
        if build == "GPU":
            sessions = stack.enter_context(runtime_with_cuda(device.events))
        else:
            stack.enter_context(runtime_without_cuda())
        return OnCuda(audited(plan), device.events, sessions)


@contextmanager
def batches_of_the_cpu() -> Iterator[None]:
    """What depends on the device is on CUDA as it is on the CPU: sums in other batches are rounded otherwise.

    These are all tables of the package by ``cpu`` and ``cuda``, the measured size of a batch, the few sizes to which
    batches are filled up for ONNX Runtime, IDC's route at reduced precision, and two ways to compute the same that are
    taken on the CPU alone because they are faster there.
    """
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            for table in vars(module).values() if name.startswith("auditor.") else ():
                if isinstance(table, dict) and set(table) == {"cpu", "cuda"}:
                    stack.enter_context(mock.patch.dict(table, cuda=table["cpu"]))
        stack.enter_context(mock.patch.object(bind, "_fit_batches"))
        stack.enter_context(mock.patch.object(bind, "reduced_precision", return_value=None))
        stack.enter_context(mock.patch.object(batch_size, "filled", lambda count: count))
        stack.enter_context(mock.patch.object(pooling, "_by_pixel", lambda x: x))
        stack.enter_context(mock.patch.object(convolution, "_returns_sooner", return_value=False))
        yield


def facts(results: Results) -> dict[str, Any]:
    """All that an audit states, but for where it ran."""
    document = results.model_dump(mode="json")
    del document["settings"]["device"], document["model"]["runtime"]
    return document
