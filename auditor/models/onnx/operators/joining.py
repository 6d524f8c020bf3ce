"""Joining, cutting and padding along axes."""

from __future__ import annotations

import math
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.registry import operator
from auditor.models.onnx.graph.signature import Floats, Integers
from auditor.models.onnx.graph.windows import padded


@operator("Concat", since=4)
def concat(*inputs: Tensor, axis: int) -> Tensor:
    return torch.cat(inputs, axis)


operator("Concat", until=3)(partial(concat, axis=1))


@operator("Split")
def split(
    input: Tensor, split: Integers | None = None, *, axis: int = 0, num_outputs: int = 0, outputs: tuple[bool, ...]
) -> tuple[Tensor, ...]:
    """In parts of the sizes given, else in equal parts of which the last may be short."""
    equal = math.ceil(input.shape[axis] / (num_outputs or len(outputs)))
    return torch.split(input, equal if split is None else list(split), axis)


@operator("Slice")
def slices(
    data: Tensor, starts: Integers, ends: Integers, axes: Integers | None = None, steps: Integers | None = None
) -> Tensor:
    """A slice on each named axis; torch has no negative step, so those axes are picked by index."""
    index = [slice(None)] * data.dim()
    where, strides = axes or range(len(starts)), steps or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, where, strides, strict=True):
        size = data.shape[axis]
        if step > 0:
            first, last, _ = slice(start, end, step).indices(size)
            index[axis] = slice(first, max(first, last), step)
        else:
            picked = range(size)[slice(start, end if end >= -size else None, step)]
            data = data.index_select(axis, torch.tensor(picked, dtype=torch.int64, device=data.device))
    return data[tuple(index)]


_TORCH_MODES = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}


@operator("Pad")
def pad(
    data: Tensor, pads: Integers, constant_value: Floats = (), axes: Integers | None = None,
    *, mode: Literal["constant", "reflect", "edge", "wrap"] = "constant", value: float = 0.0,
) -> Tensor:  # fmt: skip
    """``value`` is what ``constant_value`` was before opset 11."""
    half = len(pads) // 2
    pairs = [(0, 0)] * data.dim()
    for i, axis in enumerate(range(half) if axes is None else axes):
        pairs[axis] = (pads[i], pads[half + i])
    if mode == "constant":
        return padded(data, pairs, *(constant_value or (value,)))
    return _mirrored(padded(data, [(min(b, 0), min(e, 0)) for b, e in pairs]), pairs, _TORCH_MODES[mode])


def _mirrored(x: Tensor, pairs: list[tuple[int, int]], mode: str) -> Tensor:
    """Padding with the tensor's own content, axis by axis: torch offers it for the last axis of ``(N, C, L)``."""
    for axis, (begin, end) in enumerate(pairs):
        if max(begin, end) > 0:
            rows = x.movedim(axis, -1)
            grown = F.pad(rows.reshape(1, -1, rows.shape[-1]), (max(begin, 0), max(end, 0)), mode=mode)
            x = grown.reshape(*rows.shape[:-1], -1).movedim(-1, axis)
    return x
