"""A CUDA device that is not there: an audit runs on it and gives the numbers of the CPU, bit for bit.

Inside ``SimulatedCuda`` a tensor that was put on ``cuda`` says so, mixes with no tensor of the CPU and turns into no
NumPy array. Every copy between host and device, every wait of the host and every kernel is counted by the line of the
package that caused it.

It sees calls from Python (``functions``) and every operation below them, the backward pass and ``torch.jit`` included
(``operations``). It cannot see streams and races, memory and speed, other rounding, kernels that do not exist on CUDA
(but for a short list) or do not repeat themselves, other threads, and C++ that reads a tensor's device itself: a
compiled module's own ``x.to("cpu")`` and ``x.device`` take a tensor of the device for one of the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch

from tests.simulated_cuda.events import Events, Site
from tests.simulated_cuda.functions import Functions
from tests.simulated_cuda.operations import Operations
from tests.simulated_cuda.tensor import CUDA, copied_to, is_cuda

MEMORY = 80 * 10**9
"""Bytes that the device says it has."""


class SimulatedCuda:
    """Use it in a ``with`` block, from one thread: inside there is one CUDA device.

    Args:
        package, lost: as in ``Events``.
    Attributes:
        events: what was counted so far.
    """

    def __init__(self, package: str = "/auditor/", lost: Site | None = None) -> None:
        self.events, self._stack = Events(package, lost), ExitStack()

    def __enter__(self) -> SimulatedCuda:
        self._stack.callback(_settings())
        stream = _Stream(self.events)
        for name, value in {
            "is_available": lambda: True,
            "is_initialized": lambda: True,
            "_lazy_init": lambda: None,
            "init": lambda: None,
            "device_count": lambda: 1,
            "current_device": lambda: 0,
            "get_device_name": lambda device=None: "simulated",
            "get_device_capability": lambda device=None: (9, 0),
            "get_device_properties": lambda device=None: SimpleNamespace(
                name="simulated", total_memory=MEMORY, major=9, minor=0, multi_processor_count=132
            ),
            "mem_get_info": lambda device=None: (MEMORY, MEMORY),
            "empty_cache": lambda: None,
            "synchronize": lambda device=None: self.events.add("wait"),
            "current_stream": lambda device=None: stream,
            "default_stream": lambda device=None: stream,
            "Stream": lambda *_, **__: stream,
            "stream": lambda stream: nullcontext(),
            "is_current_stream_capturing": lambda: False,
        }.items():
            self._stack.enter_context(mock.patch.object(torch.cuda, name, value))
        self._stack.enter_context(mock.patch.object(torch.accelerator, "current_stream", torch.cuda.current_stream))
        self._stack.enter_context(mock.patch.object(torch.jit, "load", self._jit_load(torch.jit.load)))
        functions = Functions(self.events)
        operations = Operations(self.events, functions)
        self._stack.enter_context(mock.patch.object(torch.jit.ScriptModule, "__call__", _jit_call(operations)))
        self._stack.enter_context(functions)
        self._stack.enter_context(operations)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _jit_load(self, load: Callable[..., Any]) -> Callable[..., Any]:
        """``torch.jit.load``, which moves parameters and buffers in C++."""

        def loaded(path: Any, map_location: Any = None, **others: Any) -> Any:
            module = load(path, map_location="cpu", **others)
            if is_cuda(map_location) and not self.events.loses("to device"):
                for part in module.modules():
                    for name, x in [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]:
                        self.events.add("to device", x)
                        part._c.setattr(name, copied_to(x, CUDA).requires_grad_(x.requires_grad))
            return module

        return loaded


def _settings() -> Callable[[], None]:
    """What puts torch's settings back as they are now: an audit on a GPU changes them for its whole process."""
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    places = [(torch.backends.cudnn, "allow_tf32"), (torch.backends.cudnn, "benchmark"),
              (torch.backends.cudnn, "deterministic"), (torch.backends.cuda.matmul, "allow_tf32"),
              (torch.utils.deterministic, "fill_uninitialized_memory")]  # fmt: skip
    values = [getattr(place, name) for place, name in places]

    def restore() -> None:
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        for (place, name), value in zip(places, values, strict=True):
            setattr(place, name, value)

    return restore


def _jit_call(operations: Operations) -> Callable[..., Any]:
    """The call of a compiled module, whose errors say what was refused, as they do where C++ refuses it."""

    def call(module: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        operations.refusal = ""
        try:
            return torch.nn.Module.__call__(module, *args, **kwargs)
        except RuntimeError as err:
            if not operations.refusal:
                raise
            raise type(err)(f"{str(err).rstrip()} {operations.refusal}") from err

    return call


class _Stream:
    """The one stream of the device: everything on it is done at once, so only the host's waits are of interest."""

    def __init__(self, events: Events) -> None:
        self._events, self.cuda_stream, self.device = events, 1, CUDA

    def synchronize(self) -> None:
        self._events.add("wait")

    def wait_stream(self, other: _Stream) -> None:
        """One stream waits for another, not the host."""

    def is_capturing(self) -> bool:
        return False
