"""Pooling over windows and over whole feature maps."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx_graph.node import Node
from auditor.models.onnx_graph.registry import Compute, elementwise, operator
from auditor.models.onnx_graph.windows import Pads, Windows, padded, read_windows

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
    if node.wants(1):
        raise node.unsupported("indices")
    windows = read_windows(node, node.integers("kernel_shape") or [])
    pool = _MAX[len(windows.kernel)]

    def largest(x: Tensor) -> Tensor:
        pads = windows.pads(x)
        if _torch_can(windows, pads):
            begins = [begin for begin, _ in pads]
            return pool(x, windows.kernel, windows.strides, begins, windows.dilations, windows.ceil_mode)
        x = padded(x, windows.exact_pads(x, pads), -math.inf if x.is_floating_point() else torch.iinfo(x.dtype).min)
        return pool(x, windows.kernel, windows.strides, 0, windows.dilations)

    return largest


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
