"""Picking and placing elements by index."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from auditor.models.onnx.graph.registry import operator
from auditor.models.onnx.graph.signature import Index, Integer


def _from_start(index: Tensor, size: int) -> Tensor:
    """Indices counted from the start; negative ones count from the end."""
    index = index.long()
    return torch.where(index < 0, index + size, index)


@operator("Gather")
def gather(data: Tensor, indices: Index, *, axis: int = 0) -> Tensor:
    if not isinstance(indices, Tensor):
        return data.select(axis, int(indices))
    along = axis % data.dim()
    flat = _from_start(indices.reshape(-1), data.shape[along])
    return data.index_select(along, flat).reshape(data.shape[:along] + indices.shape + data.shape[along + 1 :])


@operator("GatherElements")
def gather_elements(data: Tensor, indices: Tensor, *, axis: int = 0) -> Tensor:
    return torch.gather(data, axis, _from_start(indices, data.shape[axis]))


@operator("GatherND")
def gather_nd(data: Tensor, indices: Tensor, *, batch_dims: int = 0) -> Tensor:
    return data[_leading(data, batch_dims, indices.dim() - 1) + tuple(indices.long().unbind(-1))]


def _leading(x: Tensor, batch_axes: int, index_axes: int) -> tuple[Tensor, ...]:
    """Index tensors that walk along the batch axes beside the given indices."""
    views = []
    for axis in range(batch_axes):
        view = [1] * index_axes
        view[axis] = -1
        views.append(torch.arange(x.shape[axis], device=x.device).view(view))
    return tuple(views)


_SCATTER = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


@operator("ScatterElements")
def scatter_elements(
    data: Tensor, indices: Tensor, updates: Tensor, *, axis: int = 0, reduction: str = "none"
) -> Tensor:
    index = _from_start(indices, data.shape[axis])
    if reduction == "none":
        return data.scatter(axis, index, updates)
    return data.scatter_reduce(axis, index, updates, _SCATTER[reduction])


operator("Scatter")(partial(scatter_elements, reduction="none"))


@operator("ScatterND")
def scatter_nd(data: Tensor, indices: Tensor, updates: Tensor, *, reduction: str = "none") -> Tensor:
    """The indexed axes are joined into one for the reductions that torch knows along one axis alone."""
    if reduction in ("none", "add"):
        return data.index_put(tuple(indices.long().unbind(-1)), updates, accumulate=reduction == "add")
    sizes = data.shape[: indices.shape[-1]]
    row = torch.zeros_like(indices[..., 0], dtype=torch.int64)
    for size, part in zip(sizes, indices.unbind(-1), strict=True):
        row = row * size + _from_start(part, size)
    rows = data.reshape(math.prod(sizes), -1)
    flat = updates.reshape(row.numel(), rows.shape[1])
    where = row.reshape(-1, 1).expand_as(flat)
    return rows.scatter_reduce(0, where, flat, _SCATTER[reduction]).view(data.shape)


@operator("TensorScatter")
def tensor_scatter(
    past_cache: Tensor, update: Tensor, write_indices: Tensor | None = None, *, axis: int = -2, mode: str = "linear"
) -> Tensor:
    """Write a block into each sample's cache from its own start on, in a circle if asked."""
    along = axis % past_cache.dim()
    place = torch.arange(update.shape[along], device=past_cache.device).expand(len(past_cache), -1)
    place = place if write_indices is None else place + write_indices.unsqueeze(1)
    place = place % past_cache.shape[along] if mode == "circular" else place
    view = [len(past_cache), *[1] * (past_cache.dim() - 1)]
    view[along] = update.shape[along]
    return past_cache.scatter(along, place.long().view(view).expand_as(update), update)


@operator("ReverseSequence")
def reverse_sequence(input: Tensor, sequence_lens: Tensor, *, batch_axis: int = 1, time_axis: int = 0) -> Tensor:
    """Turn the first elements of each sequence around, and leave the rest of it in place."""
    step, ends = torch.arange(input.shape[time_axis], device=input.device), sequence_lens.to(input.device).unsqueeze(1)
    index = torch.where(step < ends, ends - 1 - step, step).long()
    rows = input.movedim((batch_axis, time_axis), (0, 1))
    index = index.view(*index.shape, *[1] * (input.dim() - 2)).expand_as(rows)
    return rows.gather(1, index).movedim((0, 1), (batch_axis, time_axis))


@operator("TopK")
def top_k(x: Tensor, k: Integer, *, axis: int = -1, largest: bool = True) -> tuple[Tensor, Tensor]:
    """The k best in order; of equal values the one with the lower index comes first, so torch.topk will not do."""
    values, index = torch.sort(x, dim=axis, descending=largest, stable=True)
    return values.narrow(axis, 0, k), index.narrow(axis, 0, k)


@operator("NonZero")
def non_zero(x: Tensor) -> Tensor:
    return torch.nonzero(x).t()


@operator("Compress")
def compress(input: Tensor, condition: Tensor, *, axis: int | None = None) -> Tensor:
    along, x = (0, input.reshape(-1)) if axis is None else (axis, input)
    return x.index_select(along, torch.nonzero(condition).reshape(-1))


@operator("Unique")
def unique(x: Tensor, *, axis: int | None = None, sorted: bool = True) -> tuple[Tensor, ...]:
    """The different values or slices, with their first places, the place of each element among them, and counts."""
    along, x = (0, x.reshape(-1)) if axis is None else (axis, x)
    _, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True, dim=along)
    places = torch.arange(len(inverse), device=x.device)
    first = torch.full_like(counts, len(inverse)).scatter_reduce(0, inverse, places, "amin")
    order = torch.arange(len(first), device=x.device) if sorted else torch.argsort(first)
    # Values are picked from x, because torch.unique itself has no gradient.
    return x.index_select(along, first[order]), first[order], torch.argsort(order)[inverse], counts[order]
