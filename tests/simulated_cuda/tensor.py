"""A tensor that says it lies on ``cuda:0``, over memory of the CPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

CUDA, CPU = torch.device("cuda:0"), torch.device("cpu")


class CudaTensor(Tensor):
    """A tensor of the simulated device. It shares its storage with an ordinary tensor, and so computes its numbers."""

    @staticmethod
    def __new__(cls, x: Tensor) -> CudaTensor:
        return Tensor._make_subclass(cls, x)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError(f"{func} on a tensor of the simulated device, outside of SimulatedCuda or in another thread")

    __torch_function__ = torch._C._disabled_torch_function_impl

    def __repr__(self) -> str:
        return f"CudaTensor(shape={tuple(self.shape)}, dtype={self.dtype}, device='cuda:0')"


def leaves(values: Iterable[Any]) -> Iterator[Any]:
    """What arguments hold, at any depth of lists, tuples and dictionaries."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from leaves(value)
        elif isinstance(value, dict):
            yield from leaves(value.values())
        else:
            yield value


def on_cuda(value: Any) -> bool:
    """Whether a value is a tensor of the simulated device, also where ``torch.func`` wraps it."""
    if not isinstance(value, Tensor):
        return False
    while type(value) is Tensor and torch._C._functorch.is_functorch_wrapped_tensor(value):
        value = torch._C._functorch.get_unwrapped(value)
    return isinstance(value, CudaTensor)


def is_cuda(device: Any) -> bool:
    """Whether a ``device`` argument names the device."""
    if device is None or isinstance(device, Tensor):
        return False
    return torch.device(device).type == "cuda"


def as_cuda(x: Tensor) -> Tensor:
    """The same memory as a tensor of the device."""
    with torch._C._DisableTorchDispatch():
        return x if isinstance(x, CudaTensor) else CudaTensor(x)


def copied_to(x: Tensor, device: torch.device) -> Tensor:
    """A copy on the device or on the CPU, without history; the strides are kept."""
    with torch._C._DisableTorchDispatch():
        copy = x.detach().clone()
        return CudaTensor(copy) if device.type == "cuda" else copy
