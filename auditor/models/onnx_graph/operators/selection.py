"""Picking and placing elements by index."""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.models.onnx_graph.node import Node
from auditor.models.onnx_graph.registry import Compute, operator


def _from_start(index: Tensor, size: int) -> Tensor:
    """Indices counted from the start; negative ones count from the end."""
    index = index.long()
    return torch.where(index < 0, index + size, index)


@operator("Gather")
def gather(node: Node) -> Compute:
    axis, known = node.integer("axis", 0), node.constants.get(1)
    if known is not None and known.dim() == 0:
        position = int(known)
        return lambda x, _: x.select(axis, position)

    def picked(x: Tensor, index: Tensor) -> Tensor:
        along = axis % x.dim()
        flat = _from_start(index.reshape(-1), x.shape[along])
        return x.index_select(along, flat).reshape(x.shape[:along] + index.shape + x.shape[along + 1 :])

    return picked


@operator("GatherElements")
def gather_elements(node: Node) -> Compute:
    axis = node.integer("axis", 0)
    return lambda x, index: torch.gather(x, axis, _from_start(index, x.shape[axis]))


@operator("GatherND")
def gather_nd(node: Node) -> Compute:
    batch_axes = node.integer("batch_dims", 0)

    def picked(x: Tensor, index: Tensor) -> Tensor:
        return x[_leading(x, batch_axes, index.dim() - 1) + tuple(index.long().unbind(-1))]

    return picked


def _leading(x: Tensor, batch_axes: int, index_axes: int) -> tuple[Tensor, ...]:
    """Index tensors that walk along the batch axes beside the given indices."""
    views = []
    for axis in range(batch_axes):
        view = [1] * index_axes
        view[axis] = -1
        views.append(torch.arange(x.shape[axis], device=x.device).view(view))
    return tuple(views)


_SCATTER = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


@operator("ScatterElements", "Scatter")
def scatter_elements(node: Node) -> Compute:
    axis, how = node.integer("axis", 0), node.text("reduction", "none")

    def placed(x: Tensor, index: Tensor, updates: Tensor) -> Tensor:
        index = _from_start(index, x.shape[axis])
        if how == "none":
            return x.scatter(axis, index, updates)
        return x.scatter_reduce(axis, index, updates, _SCATTER[how])

    return placed


@operator("ScatterND")
def scatter_nd(node: Node) -> Compute:
    how = node.text("reduction", "none")
    if how not in ("none", "add"):
        raise node.unsupported(f"reduction {how}")

    def placed(x: Tensor, index: Tensor, updates: Tensor) -> Tensor:
        return x.index_put(tuple(index.long().unbind(-1)), updates, accumulate=how == "add")

    return placed


@operator("TopK", host=(1,))
def top_k(node: Node) -> Compute:
    """The k best in order; of equal values the one with the lower index comes first, so torch.topk will not do."""
    axis, largest, attribute = node.integer("axis", -1), node.flag("largest", True), node.integer("k", 1)

    def best(x: Tensor, k: Tensor | None = None) -> tuple[Tensor, Tensor]:
        count = attribute if k is None else int(k.item())
        values, index = torch.sort(x, dim=axis, descending=largest, stable=True)
        return values.narrow(axis, 0, count), index.narrow(axis, 0, count)

    return best


@operator("NonZero")
def non_zero(node: Node) -> Compute:
    return lambda x: torch.nonzero(x).t()


@operator("Compress")
def compress(node: Node) -> Compute:
    axis = node.attributes.get("axis")

    def chosen(x: Tensor, condition: Tensor) -> Tensor:
        along, x = (0, x.reshape(-1)) if axis is None else (axis, x)
        return x.index_select(along, torch.nonzero(condition).reshape(-1))

    return chosen
