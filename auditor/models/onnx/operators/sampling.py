"""Sampling of feature maps at computed positions: grids, regions of interest, deformable kernels."""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.registry import operator
from auditor.models.onnx.graph.signature import Integers
from auditor.models.onnx.graph.windows import Windows

_MODES = {"linear": "bilinear", "cubic": "bicubic"}


@operator("GridSample")
def grid_sample(
    x: Tensor, grid: Tensor, *, align_corners: bool = False, mode: str = "linear", padding_mode: str = "zeros"
) -> Tensor:
    return F.grid_sample(x, grid.to(x.dtype), _MODES.get(mode, mode), padding_mode, align_corners)


@operator("AffineGrid")
def affine_grid(theta: Tensor, size: Integers, *, align_corners: bool = False) -> Tensor:
    return F.affine_grid(theta, list(size), align_corners)


@operator("RoiAlign", since=16)
def roi_align(
    x: Tensor, rois: Tensor, batch_indices: Tensor,
    *, coordinate_transformation_mode: str = "half_pixel", mode: str = "avg", output_height: int = 1,
    output_width: int = 1, sampling_ratio: int = 0, spatial_scale: float = 1.0,
) -> Tensor:  # fmt: skip
    """Bilinear samples in the cells of each region, averaged or their largest; regions are (x1, y1, x2, y2).

    A sample's weights are separable, so a region is ``W_y X W_x'`` with one weight matrix for each axis.
    """
    half_pixel = coordinate_transformation_mode == "half_pixel"
    corners = rois.to(x.dtype) * spatial_scale - (0.5 if half_pixel else 0.0)
    results = []
    for (x1, y1, x2, y2), image in zip(corners, x[batch_indices.long()], strict=True):
        weights = []
        for start, end, cells, length in ((y1, y2, output_height, x.shape[2]), (x1, x2, output_width, x.shape[3])):
            extent = end - start if half_pixel else (end - start).clamp(min=1.0)
            samples = sampling_ratio or max(math.ceil(float(extent) / cells), 1)
            steps = (torch.arange(cells * samples, device=x.device, dtype=x.dtype) + 0.5) / (cells * samples)
            weights.append(_bilinear(start + steps * extent, length).view(cells, samples, length))
        results.append(_pooled(image, weights[0], weights[1], mode == "max"))
    return torch.stack(results) if results else x.new_zeros(0, x.shape[1], output_height, output_width)


operator("RoiAlign", until=15)(partial(roi_align, coordinate_transformation_mode="output_half_pixel"))


def _bilinear(positions: Tensor, length: int) -> Tensor:
    """Weights ``(S, length)`` of the elements around each position; none more than one element outside."""
    inside = (positions >= -1) & (positions <= length)
    places = torch.arange(length, device=positions.device, dtype=positions.dtype)
    distance = (positions.clamp(0, length - 1).unsqueeze(1) - places).abs()
    return (1 - distance).clamp(min=0) * inside.unsqueeze(1)


def _pooled(image: Tensor, rows: Tensor, columns: Tensor, largest: bool) -> Tensor:
    """The cells of one region of ``(C, H, W)``.

    Where the largest counts, it is that of the four weighted neighbours of each sample, not of the interpolated
    samples: so say the standard's reference and ONNX Runtime. A neighbour of weight zero counts as zero.
    """
    if not largest:
        return torch.einsum("ph,chw,qw->cpq", rows.mean(1), image, columns.mean(1))
    weights = rows[:, None, :, None, :, None] * columns[None, :, None, :, None, :]
    products = (weights * image[:, None, None, None, None]).masked_fill(weights == 0, -torch.inf).flatten(3)
    weightless = ((weights != 0).sum((4, 5)) < 4).flatten(2).any(2)
    best = products.amax(3)
    return torch.where(weightless, best.clamp(min=0), best)


@operator("MaxRoiPool")
def max_roi_pool(x: Tensor, rois: Tensor, *, pooled_shape: tuple[int, int], spatial_scale: float = 1.0) -> Tensor:
    """The largest element in the cells of each region (batch, x1, y1, x2, y2), rounded to whole elements."""
    height, width = pooled_shape
    corners = (rois[:, 1:] * spatial_scale + 0.5).floor().long()
    results = []
    for (x1, y1, x2, y2), image in zip(corners.tolist(), x[rois[:, 0].long()], strict=True):
        rows, columns = _cells(y1, y2, height, x.shape[2]), _cells(x1, x2, width, x.shape[3])
        cells = [image[:, a:b, c:d].flatten(1) for a, b in rows for c, d in columns]
        best = [cell.amax(1) if cell.shape[1] else x.new_zeros(len(cell)) for cell in cells]
        results.append(torch.stack(best, dim=1).view(-1, height, width))
    return torch.stack(results)


def _cells(first: int, last: int, count: int, length: int) -> list[tuple[int, int]]:
    """Bounds of the cells of one axis, cut to the feature map."""
    size = max(last - first + 1, 1) / count
    bounds = [(first + math.floor(i * size), first + math.ceil((i + 1) * size)) for i in range(count)]
    return [(min(max(a, 0), length), min(max(b, 0), length)) for a, b in bounds]


@operator("DeformConv")
def deformable_convolution(
    x: Tensor, w: Tensor, offset: Tensor, b: Tensor | None = None, mask: Tensor | None = None,
    *, group: int = 1, offset_group: int = 1, windows: Windows,
) -> Tensor:  # fmt: skip
    """Convolution whose kernel elements are moved by offsets ``(y, x)`` and weighted by a mask, at each position."""
    windows = windows.over(w.shape[2:])
    taps = w.shape[2] * w.shape[3]
    n, _, height, width = offset.shape
    moves = offset.view(n * offset_group, taps, 2, height, width)
    grids = []
    for axis, size in enumerate((height, width)):
        start = torch.arange(size, device=x.device) * windows.strides[axis] - windows.padding(x)[axis][0]
        tap = torch.arange(windows.kernel_shape[axis], device=x.device) * windows.dilations[axis]
        index = torch.arange(taps, device=x.device)
        tap = tap[index // windows.kernel_shape[1] if axis == 0 else index % windows.kernel_shape[1]]
        base = start.view(-1, 1) if axis == 0 else start.view(1, -1)
        position = base + tap.view(-1, 1, 1) + moves[:, :, axis]
        grids.append(2 * position / max(x.shape[2 + axis] - 1, 1) - 1)
    grid = torch.stack(grids[::-1], dim=-1).view(n * offset_group, taps * height, width, 2)
    maps = x.reshape(n * offset_group, -1, *x.shape[2:])
    columns = F.grid_sample(maps, grid, align_corners=True).view(n * offset_group, -1, taps, height, width)
    if mask is not None:
        columns = columns * mask.view(n * offset_group, 1, taps, height, width)
    columns = columns.reshape(n, group, -1, height, width)
    y = torch.einsum("ngkhw,gok->ngohw", columns, w.reshape(group, len(w) // group, -1))
    y = y.reshape(n, -1, height, width)
    return y if b is None else y + b.view(-1, 1, 1)
