"""Reductions and running totals along axes."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from auditor.models.onnx.graph.registry import operator
from auditor.models.onnx.graph.signature import Compute, Integer, Integers


def _product(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    for axis in sorted((axis % x.dim() for axis in axes), reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


_REDUCTIONS: dict[str, Compute] = {
    "ReduceSum": lambda x, axes, keep: x.sum(axes, keep),
    "ReduceMean": lambda x, axes, keep: x.mean(axes, keep),
    "ReduceMax": lambda x, axes, keep: x.amax(axes, keep),
    "ReduceMin": lambda x, axes, keep: x.amin(axes, keep),
    "ReduceProd": _product,
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keep),
    "ReduceL2": lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keep),
    "ReduceSumSquare": lambda x, axes, keep: (x * x).sum(axes, keep),
    "ReduceLogSum": lambda x, axes, keep: x.sum(axes, keep).log(),
    "ReduceLogSumExp": lambda x, axes, keep: torch.logsumexp(x, axes, keep),
}


def _reduction(
    reduce: Compute, data: Tensor, axes: Integers = (), *, keepdims: bool = True, noop_with_empty_axes: bool = False
) -> Tensor:
    """No axes mean all, or nothing if asked."""
    if noop_with_empty_axes and not axes:
        return data
    return reduce(data, axes or tuple(range(data.dim())), keepdims)


for _name, _reduce in _REDUCTIONS.items():
    operator(_name)(partial(_reduction, _reduce))


def _extreme_position(
    find: Compute, data: Tensor, *, axis: int = 0, keepdims: bool = True, select_last_index: bool = False
) -> Tensor:
    if not select_last_index:
        return find(data, axis, keepdim=keepdims)
    return data.shape[axis] - 1 - find(data.flip(axis), axis, keepdim=keepdims)


operator("ArgMax")(partial(_extreme_position, torch.argmax))
operator("ArgMin")(partial(_extreme_position, torch.argmin))


def _running(
    accumulate: Compute, start: int, x: Tensor, axis: Integer, *, exclusive: bool = False, reverse: bool = False
) -> Tensor:
    """Running total; ``exclusive`` leaves the element itself out, ``reverse`` starts at the end."""
    x = x.flip(axis) if reverse else x
    if exclusive:
        first = torch.full_like(x.narrow(axis, 0, 1), start)
        x = torch.cat([first, x.narrow(axis, 0, x.shape[axis] - 1)], axis)
    y = accumulate(x, axis, dtype=x.dtype)
    return y.flip(axis) if reverse else y


operator("CumSum")(partial(_running, torch.cumsum, 0))
operator("CumProd")(partial(_running, torch.cumprod, 1))
