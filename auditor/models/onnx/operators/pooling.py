"""Pooling over windows and over whole feature maps."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, elementwise, operator, python_integers
from auditor.models.onnx.graph.windows import Pads, Windows, padded, read_windows

_MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def _spatial(x: Tensor) -> tuple[int, ...]:
    return tuple(range(2, x.dim()))


elementwise("GlobalAveragePool", lambda x: x.mean(_spatial(x), keepdim=True))
elementwise("GlobalMaxPool", lambda x: x.amax(_spatial(x), keepdim=True))


@operator("GlobalLpPool")
def global_lp_pool(node: Node) -> Compute:
    p = node.number("p", 2)
    return lambda x: torch.linalg.vector_norm(x, p, _spatial(x), keepdim=True)


@operator("MaxPool")
def max_pool(node: Node) -> Compute:
    """The largest element of each window, and on demand its place in the flattened input."""
    windows = read_windows(node, node.integers("kernel_shape") or [])
    pool, column_major = _MAX[len(windows.kernel)], node.flag("storage_order")

    def largest(x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        pads = windows.pads(x)
        if node.wants(1):
            begins, exact = [begin for begin, _ in pads], windows.exact_pads(x, pads)
            y, place = pool(
                _with_lowest(x, exact), windows.kernel, windows.strides, 0, windows.dilations, return_indices=True
            )
            return y, _places(x, place, begins, [sum(pair) for pair in exact], column_major)
        if _torch_can(windows, pads):
            begins = [begin for begin, _ in pads]
            return pool(_by_pixel(x), windows.kernel, windows.strides, begins, windows.dilations, windows.ceil_mode)
        return pool(_with_lowest(x, windows.exact_pads(x, pads)), windows.kernel, windows.strides, 0, windows.dilations)

    return largest


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


@operator("MaxUnpool", host=(2,))
def max_unpool(node: Node) -> Compute:
    """Each element back at the place that MaxPool found it in, zero elsewhere.

    Places are those of the smallest output that the pooling could come from, whatever the size asked for.
    """
    windows = read_windows(node, node.integers("kernel_shape") or [])

    def spread(x: Tensor, place: Tensor, size: Tensor | None = None) -> Tensor:
        sizes = [
            (n - 1) * stride + k - begin - end
            for n, stride, k, (begin, end) in zip(
                x.shape[2:], windows.strides, windows.kernel, windows.pads(x), strict=True
            )
        ]
        wanted = sizes if size is None else python_integers(size)[2:]
        y = x.new_zeros(math.prod([*x.shape[:2], *sizes])).index_put((place.reshape(-1),), x.reshape(-1))
        grown = [(0, after - before) for before, after in zip(sizes, wanted, strict=True)]
        return padded(y.view(*x.shape[:2], *sizes), grown)

    return spread


@operator("AveragePool")
def average_pool(node: Node) -> Compute:
    windows, with_padding = read_windows(node, node.integers("kernel_shape") or []), node.flag("count_include_pad")
    pool = _AVERAGE[len(windows.kernel)]

    def average(x: Tensor) -> Tensor:
        pads = windows.pads(x)
        if _torch_can(windows, pads) and set(windows.dilations) == {1}:
            begins = [begin for begin, _ in pads]
            return pool(x, windows.kernel, windows.strides, begins, windows.ceil_mode, with_padding)
        counted = x.new_ones(1, 1, *x.shape[2:])
        if with_padding:
            counted = padded(counted, pads, 1.0)
        grown = pads if with_padding else [(0, 0)] * len(pads)
        exact = windows.exact_pads(x, pads)
        rest = [(b - g, e - h) for (b, e), (g, h) in zip(exact, grown, strict=True)]
        return _window_sums(padded(x, exact), windows) / _window_sums(padded(counted, rest), windows)

    return average


@operator("LpPool")
def lp_pool(node: Node) -> Compute:
    windows, p = read_windows(node, node.integers("kernel_shape") or []), node.number("p", 2)

    def norm(x: Tensor) -> Tensor:
        x = padded(x, windows.exact_pads(x, windows.pads(x)))
        return _window_sums(x.abs() ** p, windows) ** (1 / p)

    return norm


def _torch_can(windows: Windows, pads: Pads) -> bool:
    """Whether torch's own padding has this form: the same on both sides, at most half a kernel."""
    return all(begin == end and 2 * begin <= k for (begin, end), k in zip(pads, windows.kernel, strict=True))


def _window_sums(x: Tensor, windows: Windows) -> Tensor:
    """Sum over each window, by a convolution with ones."""
    channels = x.shape[1]
    ones = x.new_ones(channels, 1, *windows.kernel)
    return _CONV[len(windows.kernel)](x, ones, None, windows.strides, 0, windows.dilations, channels)
