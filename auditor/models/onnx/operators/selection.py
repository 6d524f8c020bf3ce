"""Picking and placing elements by index."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, operator


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
    """The indexed axes are joined into one for the reductions that torch knows along one axis alone."""
    how = node.text("reduction", "none")

    def placed(x: Tensor, index: Tensor, updates: Tensor) -> Tensor:
        if how in ("none", "add"):
            return x.index_put(tuple(index.long().unbind(-1)), updates, accumulate=how == "add")
        sizes = x.shape[: index.shape[-1]]
        row = torch.zeros_like(index[..., 0], dtype=torch.int64)
        for size, part in zip(sizes, index.unbind(-1), strict=True):
            row = row * size + _from_start(part, size)
        rows = x.reshape(math.prod(sizes), -1)
        flat = updates.reshape(row.numel(), rows.shape[1])
        where = row.reshape(-1, 1).expand_as(flat)
        return rows.scatter_reduce(0, where, flat, _SCATTER[how]).view(x.shape)

    return placed


@operator("TensorScatter")
def tensor_scatter(node: Node) -> Compute:
    """Write a block into each sample's cache from its own start on, in a circle if asked."""
    axis, circular = node.integer("axis", -2), node.text("mode", "linear") == "circular"

    def written(cache: Tensor, update: Tensor, starts: Tensor | None = None) -> Tensor:
        along = axis % cache.dim()
        place = torch.arange(update.shape[along], device=cache.device).expand(len(cache), -1)
        place = place if starts is None else place + starts.unsqueeze(1)
        place = place % cache.shape[along] if circular else place
        view = [len(cache), *[1] * (cache.dim() - 1)]
        view[along] = update.shape[along]
        return cache.scatter(along, place.long().view(view).expand_as(update), update)

    return written


@operator("ReverseSequence")
def reverse_sequence(node: Node) -> Compute:
    """Turn the first elements of each sequence around, and leave the rest of it in place."""
    batch, time = node.integer("batch_axis", 1), node.integer("time_axis", 0)

    def reversed_(x: Tensor, lengths: Tensor) -> Tensor:
        step, ends = torch.arange(x.shape[time], device=x.device), lengths.to(x.device).unsqueeze(1)
        index = torch.where(step < ends, ends - 1 - step, step).long()
        rows = x.movedim((batch, time), (0, 1))
        index = index.view(*index.shape, *[1] * (x.dim() - 2)).expand_as(rows)
        return rows.gather(1, index).movedim((0, 1), (batch, time))

    return reversed_


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


@operator("Unique")
def unique(node: Node) -> Compute:
    """The different values or slices, with their first places, the place of each element among them, and counts."""
    axis, in_order = node.attributes.get("axis"), node.flag("sorted", True)

    def different(x: Tensor) -> tuple[Tensor, ...]:
        along, x = (0, x.reshape(-1)) if axis is None else (axis, x)
        _, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True, dim=along)
        places = torch.arange(len(inverse), device=x.device)
        first = torch.full_like(counts, len(inverse)).scatter_reduce(0, inverse, places, "amin")
        order = torch.arange(len(first), device=x.device) if in_order else torch.argsort(first)
        # Values are picked from x, because torch.unique itself has no gradient.
        return x.index_select(along, first[order]), first[order], torch.argsort(order)[inverse], counts[order]

    return different
