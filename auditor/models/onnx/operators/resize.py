"""Resize and its elder, Upsample: one weight matrix for each resized axis.

Interpolation is separable, so every mode, coordinate convention and antialiasing of the standard comes down
to an ``(out, in)`` matrix of weights on each axis. Classifiers resize seldom: exactness before speed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from auditor.models.onnx.graph.registry import operator
from auditor.models.onnx.graph.signature import Floats, Integers


@dataclass(frozen=True)
class Axis:
    """One axis to resize: sizes before and after, the scale between them, and the region for cropping."""

    before: int
    after: int
    scale: float
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class Sampling:
    """How a node samples: the attributes of Resize by their names in the standard.

    ``nearest_mode`` has one more value, ``simple``: ONNX Runtime's rule before opset 11, up where the axis shrinks.
    """

    mode: str = "nearest"
    coordinate_transformation_mode: str = "half_pixel"
    nearest_mode: str = "round_prefer_floor"
    cubic_coeff_a: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False
    extrapolation_value: float = 0.0


@operator("Upsample")
@operator("Resize", until=10)
def upsample(x: Tensor, scales: Floats, *, mode: str = "nearest") -> Tensor:
    return _resized(x, dict(enumerate(_by_scales(x.shape, scales))), Sampling(mode, "asymmetric", "simple"))


@operator("Resize", since=11)
def resize(
    x: Tensor, roi: Floats | None = None, scales: Floats | None = None, sizes: Integers | None = None,
    *, axes: tuple[int, ...] | None = None, keep_aspect_ratio_policy: str = "stretch", sampling: Sampling,
) -> Tensor:  # fmt: skip
    where = [axis % x.dim() for axis in (range(x.dim()) if axes is None else axes)]
    before = [x.shape[axis] for axis in where]
    if scales:
        plan = _by_scales(before, scales)
    else:
        assert sizes is not None, "Resize has neither scales nor sizes"
        plan = _by_sizes(before, sizes, keep_aspect_ratio_policy)
    if roi:
        bounds = zip(roi[: len(plan)], roi[len(plan) :], strict=True)
        plan = [replace(axis, start=start, end=end) for axis, (start, end) in zip(plan, bounds, strict=True)]
    return _resized(x, dict(zip(where, plan, strict=True)), sampling)


def _by_scales(before: Sequence[int], scales: Sequence[float]) -> list[Axis]:
    return [Axis(n, math.floor(n * scale), scale) for n, scale in zip(before, scales, strict=True)]


def _by_sizes(before: Sequence[int], sizes: Sequence[int], policy: str) -> list[Axis]:
    """Axes for the sizes asked for; a policy other than stretch keeps the aspect ratio."""
    scales = [after / n for n, after in zip(before, sizes, strict=True)]
    if policy != "stretch":
        scales = [min(scales) if policy == "not_larger" else max(scales)] * len(scales)
        sizes = [math.floor(n * scale + 0.5) for n, scale in zip(before, scales, strict=True)]
    return [Axis(n, after, scale) for n, after, scale in zip(before, sizes, scales, strict=True)]


def _resized(x: Tensor, plan: Mapping[int, Axis], sampling: Sampling) -> Tensor:
    """Apply the matrices of all axes that change."""
    outside, crops = [], sampling.coordinate_transformation_mode == "tf_crop_and_resize"
    for position, axis in plan.items():
        if axis.before != axis.after or axis.scale != 1.0 or crops:
            matrix, beyond = _weights(axis, sampling)
            x = torch.tensordot(x, matrix.to(x), dims=([position], [1])).movedim(-1, position)
            outside.append(beyond.to(x.device).view([-1 if p == position else 1 for p in range(x.dim())]))
    for beyond in outside if crops else []:
        x = torch.where(beyond, sampling.extrapolation_value, x)
    return x


@lru_cache(maxsize=32)  # sizes seldom vary
def _weights(axis: Axis, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """Weights float64 ``(out, in)`` of one axis, and which outputs lie outside the input (bool ``(out,)``)."""
    positions = _source_positions(axis, sampling.coordinate_transformation_mode)
    beyond = (positions < 0) | (positions > axis.before - 1)
    if sampling.mode == "nearest":
        simple = "ceil" if axis.scale < 1 else "floor"
        rule = simple if sampling.nearest_mode == "simple" else sampling.nearest_mode
        index = _nearest(positions, rule).clamp(0, axis.before - 1)
        return torch.nn.functional.one_hot(index, axis.before).double(), beyond
    shrink = min(axis.scale, 1.0) if sampling.antialias else 1.0
    reach = math.ceil((2 if sampling.mode == "cubic" else 1) / shrink)
    taps = positions.floor()[:, None] + torch.arange(-reach, reach + 1)
    weight = _kernel((taps - positions[:, None]) * shrink, sampling)
    if sampling.exclude_outside:
        weight = weight * ((taps >= 0) & (taps < axis.before))
    weight = weight / weight.sum(dim=1, keepdim=True)
    matrix = torch.zeros(axis.after, axis.before, dtype=torch.float64)
    return matrix.scatter_add(1, taps.long().clamp(0, axis.before - 1), weight), beyond


def _source_positions(axis: Axis, coordinates: str) -> Tensor:
    """Where each output element lies on the input axis: float64 ``(out,)``."""
    index = torch.arange(axis.after, dtype=torch.float64)
    exact = axis.before * axis.scale
    half_pixel = (index + 0.5) / axis.scale - 0.5
    if coordinates == "asymmetric":
        return index / axis.scale
    if coordinates == "align_corners":
        return torch.zeros_like(index) if exact == 1 else index * (axis.before - 1) / (exact - 1)
    if coordinates == "pytorch_half_pixel":
        return torch.zeros_like(index) if axis.after == 1 else half_pixel
    if coordinates == "half_pixel_symmetric":
        return axis.before / 2 * (1 - axis.after / exact) + half_pixel
    if coordinates == "tf_crop_and_resize":
        first, span = axis.start * (axis.before - 1), (axis.end - axis.start) * (axis.before - 1)
        return first + (torch.full_like(index, span / 2) if exact == 1 else index * span / (exact - 1))
    return half_pixel


def _nearest(positions: Tensor, rule: str) -> Tensor:
    rounded = {
        "round_prefer_floor": lambda p: (p - 0.5).ceil(),
        "round_prefer_ceil": lambda p: (p + 0.5).floor(),
        "floor": torch.floor,
        "ceil": torch.ceil,
    }[rule]
    return rounded(positions).long()


def _kernel(distance: Tensor, sampling: Sampling) -> Tensor:
    """The interpolation kernel at a signed distance: a triangle, or Keys' cubic."""
    d = distance.abs()
    if sampling.mode == "linear":
        return (1 - d).clamp(min=0)
    a = sampling.cubic_coeff_a
    near = ((a + 2) * d - (a + 3)) * d**2 + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return torch.where(d <= 1, near, torch.where(d < 2, far, torch.zeros_like(d)))
