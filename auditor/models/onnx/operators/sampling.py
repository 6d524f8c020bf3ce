"""Sampling of feature maps at computed positions: grids, regions of interest, deformable kernels."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, operator, python_integers
from auditor.models.onnx.graph.windows import read_windows

_MODES = {"linear": "bilinear", "cubic": "bicubic"}


@operator("GridSample")
def grid_sample(node: Node) -> Compute:
    mode = node.text("mode", "linear")
    mode, outside, corners = _MODES.get(mode, mode), node.text("padding_mode", "zeros"), node.flag("align_corners")
    return lambda x, grid: F.grid_sample(x, grid.to(x.dtype), mode, outside, corners)


@operator("AffineGrid", host=(1,))
def affine_grid(node: Node) -> Compute:
    corners = node.flag("align_corners")
    return lambda theta, size: F.affine_grid(theta, python_integers(size), corners)


@operator("RoiAlign")
def roi_align(node: Node) -> Compute:
    """Bilinear samples in the cells of each region, averaged or their largest; regions are (x1, y1, x2, y2).

    A sample's weights are separable, so a region is ``W_y X W_x'`` with one weight matrix for each axis.
    """
    size = node.integer("output_height", 1), node.integer("output_width", 1)
    scale, ratio, largest = node.number("spatial_scale", 1.0), node.integer("sampling_ratio", 0), node.text("mode", "")
    half_pixel = node.text("coordinate_transformation_mode", "half_pixel" if node.version >= 16 else "") == "half_pixel"

    def aligned(x: Tensor, regions: Tensor, batch: Tensor) -> Tensor:
        corners = regions.to(x.dtype) * scale - (0.5 if half_pixel else 0.0)
        results = []
        for (x1, y1, x2, y2), image in zip(corners, x[batch.long()], strict=True):
            weights = []
            for start, end, cells, length in ((y1, y2, size[0], x.shape[2]), (x1, x2, size[1], x.shape[3])):
                extent = end - start if half_pixel else (end - start).clamp(min=1.0)
                samples = ratio or max(math.ceil(float(extent) / cells), 1)
                steps = (torch.arange(cells * samples, device=x.device, dtype=x.dtype) + 0.5) / (cells * samples)
                weights.append(_bilinear(start + steps * extent, length).view(cells, samples, length))
            results.append(_pooled(image, weights[0], weights[1], largest == "max"))
        return torch.stack(results) if results else x.new_zeros(0, x.shape[1], *size)

    return aligned


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
def max_roi_pool(node: Node) -> Compute:
    """The largest element in the cells of each region (batch, x1, y1, x2, y2), rounded to whole elements."""
    height, width = node.integers("pooled_shape") or [1, 1]
    scale = node.number("spatial_scale", 1.0)

    def pooled(x: Tensor, regions: Tensor) -> Tensor:
        corners = (regions[:, 1:] * scale + 0.5).floor().long()
        results = []
        for (x1, y1, x2, y2), image in zip(corners.tolist(), x[regions[:, 0].long()], strict=True):
            rows, columns = _cells(y1, y2, height, x.shape[2]), _cells(x1, x2, width, x.shape[3])
            cells = [image[:, a:b, c:d].flatten(1) for a, b in rows for c, d in columns]
            best = [cell.amax(1) if cell.shape[1] else x.new_zeros(len(cell)) for cell in cells]
            results.append(torch.stack(best, dim=1).view(-1, height, width))
        return torch.stack(results)

    return pooled


def _cells(first: int, last: int, count: int, length: int) -> list[tuple[int, int]]:
    """Bounds of the cells of one axis, cut to the feature map."""
    size = max(last - first + 1, 1) / count
    bounds = [(first + math.floor(i * size), first + math.ceil((i + 1) * size)) for i in range(count)]
    return [(min(max(a, 0), length), min(max(b, 0), length)) for a, b in bounds]


@operator("DeformConv")
def deformable_convolution(node: Node) -> Compute:
    """Convolution whose kernel elements are moved by offsets ``(y, x)`` and weighted by a mask, at each position."""
    groups, offset_groups = node.integer("group", 1), node.integer("offset_group", 1)

    def convolve(
        x: Tensor, weight: Tensor, offset: Tensor, bias: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        windows = read_windows(node, list(weight.shape[2:]))
        taps = weight.shape[2] * weight.shape[3]
        n, _, h, w = offset.shape
        moves = offset.view(n * offset_groups, taps, 2, h, w)
        grids = []
        for axis, size in enumerate((h, w)):
            start = torch.arange(size, device=x.device) * windows.strides[axis] - windows.pads(x)[axis][0]
            tap = torch.arange(windows.kernel[axis], device=x.device) * windows.dilations[axis]
            index = torch.arange(taps, device=x.device)
            tap = tap[index // windows.kernel[1] if axis == 0 else index % windows.kernel[1]]
            base = start.view(-1, 1) if axis == 0 else start.view(1, -1)
            position = base + tap.view(-1, 1, 1) + moves[:, :, axis]
            grids.append(2 * position / max(x.shape[2 + axis] - 1, 1) - 1)
        grid = torch.stack(grids[::-1], dim=-1).view(n * offset_groups, taps * h, w, 2)
        maps = x.reshape(n * offset_groups, -1, *x.shape[2:])
        columns = F.grid_sample(maps, grid, align_corners=True).view(n * offset_groups, -1, taps, h, w)
        if mask is not None:
            columns = columns * mask.view(n * offset_groups, 1, taps, h, w)
        columns = columns.reshape(n, groups, -1, h, w)
        y = torch.einsum("ngkhw,gok->ngohw", columns, weight.reshape(groups, len(weight) // groups, -1))
        y = y.reshape(n, -1, h, w)
        return y if bias is None else y + bias.view(-1, 1, 1)

    return convolve
