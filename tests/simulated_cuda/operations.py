"""Every operation below autograd, the backward pass and TorchScript included: on one device alone, and counted."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from tests.simulated_cuda.events import Events
from tests.simulated_cuda.functions import Functions, refuse_generator
from tests.simulated_cuda.tensor import CPU, CudaTensor, as_cuda, copied_to, is_cuda, leaves

aten = torch.ops.aten
_COPIES = {aten.copy_.default, aten.set_.source_Tensor}
_INDEXES = {
    aten.index.Tensor, aten._index_put_impl_.default, aten.index_put.default, aten.index_put_.default,
    aten.index_fill_.int_Scalar,
}  # fmt: skip
"""May take an index of the CPU into a tensor of the device."""
_FILLS = {aten.fill, aten.fill_, aten.masked_fill, aten.masked_fill_}
_WAITS = {
    aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten._unique2, aten.unique_dim, aten.bincount,
    aten.repeat_interleave, aten.equal, aten.is_nonzero, aten.unique_consecutive, aten.histc,
}  # fmt: skip
"""Their result's shape or value is needed on the host."""
_FACTORIES = {
    aten.empty, aten.zeros, aten.ones, aten.full, aten.arange, aten.rand, aten.randn, aten.eye, aten.linspace,
    aten.scalar_tensor, aten.empty_strided, aten.randint, aten.randperm, aten.tril_indices, aten.triu_indices,
}  # fmt: skip
_NO_KERNEL = {aten.detach, aten.alias, aten._unsafe_view, aten.empty, aten.empty_like, aten.new_empty}
_NO_WHOLE_NUMBERS = {aten.mm, aten.bmm, aten.addmm, aten.baddbmm, aten.mv, aten.addmv, aten.dot, aten.convolution}
"""CUDA has no such kernels for whole numbers; the CPU has."""


class Operations(TorchDispatchMode):
    """Computes on the CPU what is asked of the device, after the checks that the device would make.

    Attributes:
        refusal: what was said last, because a compiled module loses the words of an exception of Python.
    """

    def __init__(self, events: Events, functions: Functions) -> None:
        super().__init__()
        self._events, self._functions, self.refusal = events, functions, ""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        there = [x for x in tensors if isinstance(x, CudaTensor)]
        if any(isinstance(x, FakeTensor) for x in tensors):
            return func(*args, **kwargs)
        if func is aten._to_copy.default:
            return self._copied(args[0], kwargs)
        if not there:
            return self._made(func, args, kwargs, bool(tensors))
        try:
            _refuse_mixed(func, args, tensors, kwargs)
        except RuntimeError as err:
            self.refusal = f"RuntimeError: {err}"
            raise
        self._counted(func, args)
        with torch._C._DisableTorchDispatch():
            result = func(*args, **({**kwargs, "device": CPU} if is_cuda(kwargs.get("device")) else kwargs))
            if func is aten.copy_.default and not isinstance(args[0], CudaTensor):
                return args[0]
            elsewhere = kwargs.get("device") is not None and not is_cuda(kwargs["device"])
            return result if elsewhere and not self._functions.on_device else _on_device(result, tensors)

    def _made(self, func: Any, args: Any, kwargs: Any, from_tensors: bool) -> Any:
        """An operation on the CPU, or one that makes a tensor from nothing: on the device where that is asked for."""
        asked = is_cuda(kwargs.get("device"))  # by a compiled module; from Python ``Functions`` sees it first
        made = func(*args, **({**kwargs, "device": CPU} if asked else kwargs))
        factory = func.overloadpacket in _FACTORIES and not from_tensors
        if not (asked or (factory and self._functions.on_device)) or isinstance(made, FakeTensor):
            return made
        if from_tensors:  # a copy of the CPU's
            self._events.add("to device", made)
            self._events.add("wait")
        return _on_device(made, ())

    def _copied(self, x: Tensor, kwargs: Any) -> Tensor:
        """``to`` where no function of Python asked for it: the way back, or a compiled module."""
        device = kwargs.get("device")
        there = isinstance(x, CudaTensor) if device is None or self._functions.on_device else is_cuda(device)
        with torch._C._DisableTorchDispatch():
            y = aten._to_copy.default(x, **{**kwargs, "device": CPU})
        if there != isinstance(x, CudaTensor):
            self._events.add("to device" if there else "to host", x)
            if not kwargs.get("non_blocking"):
                self._events.add("wait")
        elif there:
            self._events.add("kernel")
        return as_cuda(y) if there else copied_to(y, CPU)

    def _counted(self, func: Any, args: Any) -> None:
        """Copies, waits and kernels of an operation on tensors of the device."""
        if func.overloadpacket in _WAITS:
            self._events.add("wait")
        if func is aten._local_scalar_dense.default:
            self._events.add("to host", args[0])
            return
        if func is aten.copy_.default and isinstance(args[0], CudaTensor) != isinstance(args[1], CudaTensor):
            if args[1].dim():
                self._events.add("to device" if isinstance(args[0], CudaTensor) else "to host", args[1])
                self._events.add("wait")
            return
        if func in _INDEXES:
            for index in args[1] if isinstance(args[1], list | tuple) else args[2:3]:
                if index is not None and not isinstance(index, CudaTensor):
                    self._events.add("to device", index)
                    self._events.add("wait")
                if index is not None and index.dtype in (torch.bool, torch.uint8):
                    self._events.add("wait")
        if not func.is_view and func.overloadpacket not in _NO_KERNEL:
            self._events.add("kernel")


def _refuse_mixed(func: Any, args: Any, tensors: list[Tensor], kwargs: Any) -> None:
    """What CUDA refuses of an operation with at least one tensor of the device.

    Raises:
        RuntimeError: other tensors lie on the CPU, and may not, or a generator does.
        NotImplementedError: there is no kernel.
    """
    refuse_generator(kwargs)
    if func.overloadpacket in _NO_WHOLE_NUMBERS and not (tensors[0].is_floating_point() or tensors[0].is_complex()):
        raise NotImplementedError(f'"{func.overloadpacket.__name__}_cuda" not implemented for {tensors[0].dtype}')
    if func in _COPIES:
        return
    others = tensors
    if func in _INDEXES:
        if not isinstance(args[0], CudaTensor):
            raise RuntimeError(f"{func}: indices should be on the same device as the indexed tensor (cpu)")
        others = [x for x in args[2:3] if isinstance(x, Tensor)] if func is not aten.index_fill_.int_Scalar else []
    # A number of the CPU, which is what a Python number becomes, may stand beside tensors of the device.
    numbers_may = torch.Tag.pointwise in func.tags or func in _INDEXES or func.overloadpacket in _FILLS
    wrong = [x for x in others if not isinstance(x, CudaTensor) and (x.dim() or not numbers_may)]
    if wrong:
        shapes = ", ".join(str(tuple(x.shape)) for x in wrong)
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! "
            f"({func}; on the cpu: {shapes})"
        )


def _on_device(result: Any, arguments: Any) -> Any:
    """The results as tensors of the device; an argument that comes back, in place or as ``out``, stays itself."""
    known = {id(x) for x in arguments}
    return tree_map_only(Tensor, lambda x: x if id(x) in known else as_cuda(x), result)
