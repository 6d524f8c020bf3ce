"""Joining, cutting and padding along axes."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, operator, python_integers
from auditor.models.onnx.graph.windows import padded


@operator("Concat")
def concat(node: Node) -> Compute:
    axis = node.integer("axis", 1)
    return lambda *parts: torch.cat(parts, axis)


@operator("Split", host=(1,))
def split(node: Node) -> Compute:
    """Sizes are given as attribute (before opset 13) or input, else the parts are equal and the last may be short."""
    axis, attribute = node.integer("axis", 0), node.integers("split")
    parts = node.integer("num_outputs", len(node.outputs))

    def cut(x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
        given = attribute if sizes is None else python_integers(sizes)
        return torch.split(x, math.ceil(x.shape[axis] / parts) if given is None else given, axis)

    return cut


@operator("Slice", host=(1, 2, 3, 4))
def slices(node: Node) -> Compute:
    """Bounds are attributes before opset 10 and inputs since."""
    if node.version < 10:
        starts, ends = node.integers("starts") or [], node.integers("ends") or []
        axes = node.integers("axes") or list(range(len(starts)))
        return lambda x: _sliced(x, starts, ends, axes, [1] * len(starts))

    def part(x: Tensor, start: Tensor, end: Tensor, axes: Tensor | None = None, steps: Tensor | None = None) -> Tensor:
        starts, ends = python_integers(start), python_integers(end)
        where = list(range(len(starts))) if axes is None else python_integers(axes)
        return _sliced(x, starts, ends, where, [1] * len(starts) if steps is None else python_integers(steps))

    return part


def _sliced(x: Tensor, starts: list[int], ends: list[int], axes: list[int], steps: list[int]) -> Tensor:
    """A slice on each named axis; torch has no negative step, so those axes are picked by index."""
    index = [slice(None)] * x.dim()
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = x.shape[axis]
        if step > 0:
            first, last, _ = slice(start, end, step).indices(size)
            index[axis] = slice(first, max(first, last), step)
        else:
            picked = range(size)[slice(start, end if end >= -size else None, step)]
            x = x.index_select(axis, torch.tensor(picked, dtype=torch.int64, device=x.device))
    return x[tuple(index)]


_TORCH_MODES = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}


@operator("Pad", host=(1, 2, 3))
def pad(node: Node) -> Compute:
    """Amounts and value are attributes before opset 11 and inputs since."""
    mode, attribute, number = node.text("mode", "constant"), node.integers("pads"), node.number("value", 0.0)
    if mode != "constant" and mode not in _TORCH_MODES:
        raise node.unsupported(f"mode {mode}")

    def grown(
        x: Tensor, amounts: Tensor | None = None, value: Tensor | None = None, axes: Tensor | None = None
    ) -> Tensor:
        flat = (attribute or []) if amounts is None else python_integers(amounts)
        half = len(flat) // 2
        pairs = [(0, 0)] * x.dim()
        for i, axis in enumerate(range(half) if axes is None else python_integers(axes)):
            pairs[axis] = (flat[i], flat[half + i])
        if mode == "constant":
            return padded(x, pairs, number if value is None or not value.numel() else value.item())
        return _mirrored(padded(x, [(min(b, 0), min(e, 0)) for b, e in pairs]), pairs, _TORCH_MODES[mode])

    return grown


def _mirrored(x: Tensor, pairs: list[tuple[int, int]], mode: str) -> Tensor:
    """Padding with the tensor's own content, axis by axis: torch offers it for the last axis of ``(N, C, L)``."""
    for axis, (begin, end) in enumerate(pairs):
        if max(begin, end) > 0:
            rows = x.movedim(axis, -1)
            grown = F.pad(rows.reshape(1, -1, rows.shape[-1]), (max(begin, 0), max(end, 0)), mode=mode)
            x = grown.reshape(*rows.shape[:-1], -1).movedim(-1, axis)
    return x
