"""Resize and its elder, Upsample: one weight matrix for each resized axis.

Interpolation is separable, so every mode, coordinate convention and antialiasing of the standard comes down
to an ``(out, in)`` matrix of weights on each axis. Classifiers resize seldom: exactness before speed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, operator, python_integers


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

    mode: str
    coordinates: str
    nearest_mode: str
    cubic_coeff_a: float
    exclude_outside: bool
    antialias: bool
    extrapolation_value: float


@operator("Upsample", host=(1,))
def upsample(node: Node) -> Compute:
    """Scales are an attribute before opset 9 and an input since."""
    sampling = Sampling(node.text("mode", "nearest"), "asymmetric", "simple", -0.75, False, False, 0.0)
    attribute = node.numbers("scales")
    resized = _resizer(sampling)

    def grown(x: Tensor, scales: Tensor | None = None) -> Tensor:
        factors = attribute if scales is None else scales.tolist()
        return resized(x, dict(enumerate(_by_scales(x.shape, factors or []))))

    return grown


@operator("Resize", host=(1, 2, 3))
def resize(node: Node) -> Compute:
    """Inputs are (x, scales) in opset 10 and (x, region, scales, sizes) since."""
    old = node.version < 11
    sampling = Sampling(
        mode=node.text("mode", "nearest"),
        coordinates=node.text("coordinate_transformation_mode", "asymmetric" if old else "half_pixel"),
        nearest_mode=node.text("nearest_mode", "simple" if old else "round_prefer_floor"),
        cubic_coeff_a=node.number("cubic_coeff_a", -0.75),
        exclude_outside=node.flag("exclude_outside"),
        antialias=node.flag("antialias"),
        extrapolation_value=node.number("extrapolation_value", 0.0),
    )
    axes, policy = node.integers("axes"), node.text("keep_aspect_ratio_policy", "stretch")
    resized = _resizer(sampling)

    def sampled(
        x: Tensor, region: Tensor | None = None, scales: Tensor | None = None, sizes: Tensor | None = None
    ) -> Tensor:
        if old:
            region, scales = None, region
        where = [axis % x.dim() for axis in axes] if axes is not None else list(range(x.dim()))
        before = [x.shape[axis] for axis in where]
        if scales is not None and scales.numel():
            plan = _by_scales(before, scales.tolist())
        else:
            assert sizes is not None, "Resize has neither scales nor sizes"
            plan = _by_sizes(before, python_integers(sizes), policy)
        if region is not None and region.numel():
            bounds = region.tolist()
            plan = [Axis(a.before, a.after, a.scale, *se) for a, se in zip(plan, _pairs(bounds), strict=True)]
        return resized(x, dict(zip(where, plan, strict=True)))

    return sampled


def _pairs(flat: list[float]) -> list[tuple[float, float]]:
    half = len(flat) // 2
    return list(zip(flat[:half], flat[half:], strict=True))


def _by_scales(before: list[int] | torch.Size, scales: list[float]) -> list[Axis]:
    return [Axis(n, math.floor(n * scale), scale) for n, scale in zip(before, scales, strict=True)]


def _by_sizes(before: list[int], sizes: list[int], policy: str) -> list[Axis]:
    """Axes for the sizes asked for; a policy other than stretch keeps the aspect ratio."""
    scales = [after / n for n, after in zip(before, sizes, strict=True)]
    if policy != "stretch":
        scales = [min(scales) if policy == "not_larger" else max(scales)] * len(scales)
        sizes = [math.floor(n * scale + 0.5) for n, scale in zip(before, scales, strict=True)]
    return [Axis(n, after, scale) for n, after, scale in zip(before, sizes, scales, strict=True)]


def _resizer(sampling: Sampling) -> Callable[[Tensor, dict[int, Axis]], Tensor]:
    """Apply the matrices of all axes that change; matrices are kept, because sizes seldom vary."""
    weights = lru_cache(maxsize=16)(lambda axis: _weights(axis, sampling))
    crops = sampling.coordinates == "tf_crop_and_resize"

    def resized(x: Tensor, plan: dict[int, Axis]) -> Tensor:
        outside = []
        for position, axis in plan.items():
            if axis.before != axis.after or axis.scale != 1.0 or crops:
                matrix, beyond = weights(axis)
                x = torch.tensordot(x, matrix.to(x), dims=([position], [1])).movedim(-1, position)
                outside.append(beyond.to(x.device).view([-1 if p == position else 1 for p in range(x.dim())]))
        for beyond in outside if crops else []:
            x = torch.where(beyond, sampling.extrapolation_value, x)
        return x

    return resized


def _weights(axis: Axis, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """Weights float64 ``(out, in)`` of one axis, and which outputs lie outside the input (bool ``(out,)``)."""
    positions = _source_positions(axis, sampling.coordinates)
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
