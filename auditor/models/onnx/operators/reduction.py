"""Reductions and running totals along axes."""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, operator, python_integers


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


@operator(*_REDUCTIONS, host=(1,))
def reduction(node: Node) -> Compute:
    """Axes are an attribute in older files and an input in newer ones; none means all, or nothing if asked."""
    reduce, keep = _REDUCTIONS[node.op], node.flag("keepdims", True)
    attribute, idle = node.integers("axes"), node.flag("noop_with_empty_axes")

    def reduced(x: Tensor, axes: Tensor | None = None) -> Tensor:
        wanted = attribute if axes is None else python_integers(axes)
        if wanted:
            return reduce(x, tuple(wanted), keep)
        return x if idle else reduce(x, tuple(range(x.dim())), keep)

    return reduced


@operator("ArgMax", "ArgMin")
def extreme_position(node: Node) -> Compute:
    axis, keep = node.integer("axis", 0), node.flag("keepdims", True)
    find = torch.argmax if node.op == "ArgMax" else torch.argmin

    def position(x: Tensor) -> Tensor:
        if not node.flag("select_last_index"):
            return find(x, axis, keepdim=keep)
        return x.shape[axis] - 1 - find(x.flip(axis), axis, keepdim=keep)

    return position


@operator("CumSum", "CumProd", host=(1,))
def running(node: Node) -> Compute:
    """Running total; ``exclusive`` leaves the element itself out, ``reverse`` starts at the end."""
    exclusive, reverse = node.flag("exclusive"), node.flag("reverse")
    accumulate, start = (torch.cumsum, 0) if node.op == "CumSum" else (torch.cumprod, 1)

    def accumulated(x: Tensor, axis: Tensor) -> Tensor:
        along = int(axis.item())
        x = x.flip(along) if reverse else x
        if exclusive:
            first = torch.full_like(x.narrow(along, 0, 1), start)
            x = torch.cat([first, x.narrow(along, 0, x.shape[along] - 1)], along)
        y = accumulate(x, along, dtype=x.dtype)
        return y.flip(along) if reverse else y

    return accumulated
