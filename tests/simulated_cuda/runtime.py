"""ONNX Runtime as if its CUDA provider worked: computed on the CPU, from and to the memory of the simulated device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import onnxruntime

from tests.simulated_cuda.events import Events

CUDA_PROVIDER, CPU_PROVIDER = "CUDAExecutionProvider", "CPUExecutionProvider"


class CudaSession:
    """A session whose first provider is CUDA.

    Args:
        session: on the CPU, over the same model.
        events: counts what a call of the provider copies and waits for.
        options: what the CUDA provider was configured with.
    Attributes:
        batches: how often each size of a batch was asked for.
    """

    def __init__(self, session: Any, events: Events, options: dict[str, Any]) -> None:
        self._session, self._events, self._options = session, events, options
        self.batches = Counter[int]()

    def __getattr__(self, name: str) -> Any:
        """Questions that no device answers: inputs, outputs, meta data."""
        return getattr(self._session, name)

    def get_providers(self) -> list[str]:
        return [CUDA_PROVIDER, CPU_PROVIDER]

    def get_provider_options(self) -> dict[str, dict[str, Any]]:
        return {CUDA_PROVIDER: self._options, CPU_PROVIDER: {}}

    def run(self, names: list[str] | None, feed: dict[str, Any], run_options: Any = None) -> list[Any]:
        """From and to NumPy: each input is copied there, each output back, and the host waits for both."""
        results = self._session.run(names, feed, run_options)
        for kind, arrays in (("to device", feed.values()), ("to host", results)):
            for _ in arrays:
                self._events.add(kind)
                self._events.add("wait")
        self.batches[len(next(iter(feed.values())))] += 1
        self._events.add("runtime call")
        return results

    def io_binding(self) -> _Binding:
        return _Binding(self._session.io_binding(), self._events)

    def run_with_iobinding(self, binding: _Binding, run_options: Any = None) -> None:
        """From and to memory of the device. That the runtime waits for its own end is in the "runtime call"."""
        self.batches[binding.rows] += 1
        self._events.add("runtime call")
        self._session.run_with_iobinding(binding.inner, run_options)


class _Binding:
    """Addresses on the device; they are those of the CPU's memory below."""

    def __init__(self, inner: Any, events: Events) -> None:
        self.inner, self._events, self.rows = inner, events, 0

    def bind_input(self, name: str, kind: str, number: int, dtype: Any, shape: tuple[int, ...], address: int) -> None:
        self._refuse_elsewhere(kind, number, address)
        self.rows = shape[0]
        self.inner.bind_input(name, "cpu", 0, dtype, shape, address)

    def bind_output(self, name: str, kind: str, number: int, dtype: Any, shape: tuple[int, ...], address: int) -> None:
        self._refuse_elsewhere(kind, number, address)
        self.inner.bind_output(name, "cpu", 0, dtype, shape, address)

    def _refuse_elsewhere(self, kind: str, number: int, address: int) -> None:
        assert (kind, number) == ("cuda", 0), f"memory on {kind}:{number}, and the session is on cuda:0"
        assert address in self._events.addresses, (
            "an illegal memory access: an address of the CPU, said to be on cuda:0"
        )

    def synchronize_inputs(self) -> None:
        self._events.add("wait")

    def synchronize_outputs(self) -> None:
        self._events.add("wait")
        self.inner.synchronize_outputs()


@contextmanager
def runtime_with_cuda(events: Events) -> Iterator[list[CudaSession]]:
    """A build of ONNX Runtime whose CUDA provider works, inside ``SimulatedCuda``; gives the sessions that are made."""
    made, real = list[CudaSession](), onnxruntime.InferenceSession

    def session(content: bytes, sess_options: Any = None, providers: Any = None, **_: Any) -> Any:
        first = providers[0]
        name, options = (first, {}) if isinstance(first, str) else first
        on_cpu = real(content, sess_options, providers=[CPU_PROVIDER])
        if name != CUDA_PROVIDER:
            return on_cpu
        made.append(CudaSession(on_cpu, events, options))
        return made[-1]

    with (
        mock.patch.object(onnxruntime, "InferenceSession", session),
        mock.patch.object(onnxruntime, "get_available_providers", return_value=[CUDA_PROVIDER, CPU_PROVIDER]),
        mock.patch.object(onnxruntime, "preload_dlls", return_value=None),
    ):
        yield made


@contextmanager
def runtime_without_cuda() -> Iterator[None]:
    """A build of ONNX Runtime for the CPU alone, as the plain package is."""
    with mock.patch.object(onnxruntime, "get_available_providers", return_value=[CPU_PROVIDER]):
        yield
