"""Pooling over windows and over whole feature maps."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.registry import operator
from auditor.models.onnx.graph.signature import Integers
from auditor.models.onnx.graph.windows import Pads, Windows, padded

_MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def _spatial(x: Tensor) -> tuple[int, ...]:
    return tuple(range(2, x.dim()))


@operator("GlobalAveragePool")
def global_average_pool(x: Tensor) -> Tensor:
    return x.mean(_spatial(x), keepdim=True)


@operator("GlobalMaxPool")
def global_max_pool(x: Tensor) -> Tensor:
    return x.amax(_spatial(x), keepdim=True)


@operator("GlobalLpPool")
def global_lp_pool(x: Tensor, *, p: float = 2) -> Tensor:
    return torch.linalg.vector_norm(x, p, _spatial(x), keepdim=True)


@operator("MaxPool")
def max_pool(
    x: Tensor, *, storage_order: bool = False, windows: Windows, outputs: tuple[bool, ...]
) -> Tensor | tuple[Tensor, Tensor]:
    """The largest element of each window, and on demand its place in the flattened input."""
    windows = windows.full
    pool, pads = _MAX[len(windows.kernel_shape)], windows.padding(x)
    begins = [begin for begin, _ in pads]
    if _torch_can(windows, pads) and not any(outputs[1:]):
        return pool(_by_pixel(x), windows.kernel_shape, windows.strides, begins, windows.dilations, windows.ceil_mode)
    grown = windows.exact_pads(x, pads)
    whole, size = _with_lowest(x, grown), (windows.kernel_shape, windows.strides, 0, windows.dilations)
    if not any(outputs[1:]):
        return pool(whole, *size)
    y, place = pool(whole, *size, return_indices=True)
    return y, _places(x, place, begins, [sum(pair) for pair in grown], storage_order)


def _by_pixel(x: Tensor) -> Tensor:
    """The same maps with the channels of a pixel side by side: on the CPU torch pools these faster."""
    worth = x.dim() == 4 and x.shape[1] > 1 and x.device.type == "cpu" and x.is_floating_point()
    return x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) if worth else x


def _with_lowest(x: Tensor, pads: Pads) -> Tensor:
    """``x`` padded with what can be no maximum."""
    return padded(x, pads, -math.inf if x.is_floating_point() else torch.iinfo(x.dtype).min)


def _places(x: Tensor, place: Tensor, begins: list[int], more: list[int], column_major: bool) -> Tensor:
    """Places in the whole of ``x`` from places in one padded map; column-major order runs down the first axis."""
    sizes = list(x.shape[2:])
    axes = []
    for size, begin, extra in zip(reversed(sizes), reversed(begins), reversed(more), strict=True):
        axes.append(place % (size + extra) - begin)
        place = place // (size + extra)
    within, step = torch.zeros_like(place), 1
    for size, axis in zip(sizes if column_major else sizes[::-1], axes[::-1] if column_major else axes, strict=True):
        within, step = within + axis * step, step * size
    maps = torch.arange(x.shape[0] * x.shape[1], device=x.device).view(*x.shape[:2], *[1] * len(sizes))
    return within + maps * step


@operator("MaxUnpool")
def max_unpool(x: Tensor, i: Tensor, output_shape: Integers | None = None, *, windows: Windows) -> Tensor:
    """Each element back at the place that MaxPool found it in, zero elsewhere.

    Places are those of the smallest output that the pooling could come from, whatever the size asked for.
    """
    windows = windows.full
    axes = zip(x.shape[2:], windows.strides, windows.kernel_shape, windows.padding(x), strict=True)
    sizes = [(n - 1) * stride + k - begin - end for n, stride, k, (begin, end) in axes]
    wanted = sizes if output_shape is None else output_shape[2:]
    y = x.new_zeros(math.prod([*x.shape[:2], *sizes])).index_put((i.reshape(-1),), x.reshape(-1))
    grown = [(0, after - before) for before, after in zip(sizes, wanted, strict=True)]
    return padded(y.view(*x.shape[:2], *sizes), grown)


@operator("AveragePool")
def average_pool(x: Tensor, *, count_include_pad: bool = False, windows: Windows) -> Tensor:
    windows = windows.full
    pads = windows.padding(x)
    if _torch_can(windows, pads) and set(windows.dilations) == {1}:
        begins = [begin for begin, _ in pads]
        pool = _AVERAGE[len(windows.kernel_shape)]
        return pool(x, windows.kernel_shape, windows.strides, begins, windows.ceil_mode, count_include_pad)
    counted = x.new_ones(1, 1, *x.shape[2:])
    if count_include_pad:
        counted = padded(counted, pads, 1.0)
    grown = pads if count_include_pad else [(0, 0)] * len(pads)
    exact = windows.exact_pads(x, pads)
    rest = [(b - g, e - h) for (b, e), (g, h) in zip(exact, grown, strict=True)]
    return _window_sums(padded(x, exact), windows) / _window_sums(padded(counted, rest), windows)


@operator("LpPool")
def lp_pool(x: Tensor, *, p: float = 2, windows: Windows) -> Tensor:
    windows = windows.full
    x = padded(x, windows.exact_pads(x, windows.padding(x)))
    return _window_sums(x.abs() ** p, windows) ** (1 / p)


def _torch_can(windows: Windows, pads: Pads) -> bool:
    """Whether torch's own padding has this form: the same on both sides, at most half a kernel."""
    return all(begin == end and 2 * begin <= k for (begin, end), k in zip(pads, windows.kernel_shape, strict=True))


def _window_sums(x: Tensor, windows: Windows) -> Tensor:
    """Sum over each window, by a convolution with ones."""
    channels = x.shape[1]
    ones = x.new_ones(channels, 1, *windows.kernel_shape)
    return _CONV[len(windows.kernel_shape)](x, ones, None, windows.strides, 0, windows.dilations, channels)
