"""What Python asks of torch: moves between host and device, factories, and what a tensor says of its device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.overrides import TorchFunctionMode

from tests.simulated_cuda.events import Events, Kind
from tests.simulated_cuda.tensor import CPU, CUDA, as_cuda, copied_to, is_cuda, leaves, on_cuda

_DEVICE, _IS_CUDA, _SET_DATA = Tensor.device.__get__, Tensor.is_cuda.__get__, Tensor.data.__set__  # type: ignore[attr-defined]
_TO_ARRAY = {Tensor.numpy, Tensor.__array__, Tensor.__dlpack__, torch.from_dlpack, torch.utils.dlpack.to_dlpack}
_MOVES = {Tensor.to, Tensor.cuda, Tensor.cpu, Tensor.type_as}
_BUILT_ON_THE_HOST = {torch.tensor, torch.as_tensor, torch.asarray, Tensor.new_tensor}


class Functions(TorchFunctionMode):
    """Answers for the simulated device, and hands on everything else.

    Attributes:
        on_device: whether the call under way is on tensors of the device, so that what it makes is made there.
    """

    def __init__(self, events: Events) -> None:
        super().__init__()
        self._events, self.on_device = events, False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        first = args[0] if args else None
        if func == _DEVICE:  # compared, not looked up: a descriptor's getter is a new object each time
            return CUDA if on_cuda(first) else func(*args)
        if func == _IS_CUDA:
            return on_cuda(first) or func(*args)
        if func in (_SET_DATA, torch._has_compatible_shallow_copy_type) and on_cuda(first) != on_cuda(args[1]):
            if func == _SET_DATA:
                raise RuntimeError("Attempted to call `variable.set_data(tensor)`, but they are on different devices")
            return False
        if func in _MOVES and not isinstance(first, FakeTensor):
            return self._moved(func, first, args[1:], kwargs)
        if func is Tensor.pin_memory:
            return first
        if func is Tensor.data_ptr and on_cuda(first):
            self._events.addresses.add(func(first))
        involved = any(on_cuda(leaf) for leaf in leaves((args, kwargs)))
        if involved and func in _TO_ARRAY:
            raise TypeError(
                "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory "
                "first."
            )
        if involved and func is Tensor.tolist:
            return self._moved(Tensor.cpu, first, (), {}).tolist()
        if is_cuda(kwargs.get("device")) and not any(isinstance(leaf, FakeTensor) for leaf in leaves((args, kwargs))):
            return self._made(func, args, kwargs)
        with self._working(involved and kwargs.get("device") is None):
            return func(*args, **kwargs)

    @contextmanager
    def _working(self, on_device: bool) -> Iterator[None]:
        before, self.on_device = self.on_device, on_device
        try:
            yield
        finally:
            self.on_device = before

    def _made(self, func: Any, args: Any, kwargs: Any) -> Any:
        """What a factory makes that is told to work on the device."""
        refuse_generator(kwargs)
        if func in _BUILT_ON_THE_HOST:
            elsewhere = {name: value for name, value in kwargs.items() if name not in ("device", "requires_grad")}
            return self._moved(Tensor.to, func(*args, **elsewhere), (CUDA,), {}).requires_grad_(
                bool(kwargs.get("requires_grad"))
            )
        lost = self._events.loses("made there")
        with self._working(not lost):
            made = func(*args, **{**kwargs, "device": CPU})
        if lost:
            return made
        self._events.add("made there")
        return as_cuda(made.detach()).requires_grad_(made.requires_grad) if isinstance(made, Tensor) else made

    def _moved(self, func: Any, x: Tensor, rest: Any, kwargs: Any) -> Tensor:
        """``to`` and its like: the dtype changes first, where the tensor is; then it moves."""
        here = on_cuda(x)
        there, dtype, non_blocking, layout = _asked(func, here, rest, kwargs)
        if dtype is not None or layout is not None or (kwargs.get("copy") and here == there):
            own = {"memory_format": layout} if layout is not None else {}
            with self._working(here):
                x = Tensor.to(x, dtype or x.dtype, copy=bool(kwargs.get("copy") and here == there), **own)
        kind: Kind = "to device" if there else "to host"
        if here == there or self._events.loses(kind):
            return x
        self._events.add(kind, x)
        if not non_blocking:
            self._events.add("wait")
        if torch.is_grad_enabled() and x.requires_grad:
            return _Move.apply(x, CUDA if there else CPU, self._events)
        return copied_to(x, CUDA if there else CPU)


def _asked(func: Any, here: bool, rest: Any, kwargs: Any) -> tuple[bool, torch.dtype | None, bool, Any]:
    """Whether a move ends on the device, in which dtype, without a wait, in which layout."""
    if func in (Tensor.cuda, Tensor.cpu):
        return func is Tensor.cuda, None, bool(kwargs.get("non_blocking")), kwargs.get("memory_format")
    like = kwargs.get("other", next((value for value in rest if isinstance(value, Tensor)), None))
    if like is not None:
        return on_cuda(like), like.dtype, bool(kwargs.get("non_blocking")), kwargs.get("memory_format")
    if func is Tensor.type_as:
        raise TypeError("type_as() takes a tensor")
    parsed = {name: value for name, value in kwargs.items() if name != "copy"}
    device, dtype, non_blocking, layout = torch._C._nn._parse_to(*rest, **parsed)
    return here if device is None else device.type == "cuda", dtype, non_blocking, layout


class _Move(torch.autograd.Function):
    """A move that gradients take back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, device: torch.device, events: Events) -> Tensor:
        ctx.back, ctx.events = CUDA if on_cuda(x) else CPU, events
        return copied_to(x, device)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        ctx.events.add("to device" if ctx.back == CUDA else "to host", gradient)
        ctx.events.add("wait")
        return copied_to(gradient, ctx.back), None, None


def refuse_generator(kwargs: Any) -> None:
    """A generator of the CPU draws nothing on the device."""
    generator = kwargs.get("generator")
    if generator is not None and generator.device.type == "cpu":
        raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
