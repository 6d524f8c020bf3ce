"""Convolution and its transpose, in one to three dimensions."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, operator
from auditor.models.onnx.graph.windows import Pads, Windows, padded, read_windows

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
Pad = tuple[int, ...]
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


class _UnitStride(torch.autograd.Function):
    """A convolution of stride 1 with a fixed weight, whose way back is a convolution with that weight reversed.

    torch's own way back to the input takes twice as long on a CPU where there are few channels.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, begins: Pad, dilations: Pad) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.begins, ctx.dilations = begins, dilations
        return _CONV[len(begins)](x, weight, bias, 1, begins, dilations)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor, None, None, None, None]:
        (weight,) = ctx.saved_tensors
        axes = len(ctx.begins)
        reversed_weight = weight.flip(list(range(2, 2 + axes))).transpose(0, 1)
        rest = tuple(_rest(weight, ctx.begins, ctx.dilations))
        return _CONV[axes](above, reversed_weight, None, 1, rest, ctx.dilations), None, None, None, None


def _rest(weight: Tensor, begins: Pad, dilations: Pad) -> list[int]:
    """The padding of the way back on each axis: what the forward padding leaves of the kernel's reach."""
    return [d * (k - 1) - begin for k, begin, d in zip(weight.shape[2:], begins, dilations, strict=True)]


def _returns_sooner(x: Tensor, weight: Tensor, bias: Tensor | None, windows: Windows, begins: Pad, groups: int) -> bool:
    """Whether a gradient is asked for the input alone, on a CPU, through a convolution that ``_UnitStride`` can do."""
    asked = torch.is_grad_enabled() and x.requires_grad and not weight.requires_grad
    fixed = asked and (bias is None or not bias.requires_grad) and x.device.type == "cpu"
    plain = fixed and groups == 1 and set(windows.strides) == {1}
    return plain and min(_rest(weight, begins, tuple(windows.dilations))) >= 0


@operator("Conv")
def convolution(node: Node) -> Compute:
    """The kernel's size comes from the attribute or from the weight, which may be computed."""
    groups, shape, known = node.integer("group", 1), node.integers("kernel_shape"), node.constants.get(1)
    if shape is None and known is not None:
        shape = list(known.shape[2:])
    fixed = None if shape is None else read_windows(node, shape)

    def convolve(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        windows = fixed or read_windows(node, list(weight.shape[2:]))
        pads = windows.pads(x)
        if any(begin != end for begin, end in pads):
            x, pads = padded(x, pads), [(0, 0)] * len(pads)
        begins = tuple(begin for begin, _ in pads)
        if _returns_sooner(x, weight, bias, windows, begins, groups):
            y: Tensor = _UnitStride.apply(x, weight, bias, begins, tuple(windows.dilations))
            return y
        return _CONV[len(begins)](x, weight, bias, windows.strides, begins, windows.dilations, groups)

    return convolve


@operator("ConvTranspose")
def transposed_convolution(node: Node) -> Compute:
    """Computed without padding, then cropped to the size asked for; the bias comes last, on new borders too."""
    groups = node.integer("group", 1)

    def convolve(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        windows = read_windows(node, list(weight.shape[2:]))
        axes = len(windows.kernel)
        extra = node.integers("output_padding") or [0] * axes
        pads = _transposed_pads(node, windows, x, extra)
        y = _TRANSPOSED[axes](x, weight, None, windows.strides, 0, 0, groups, windows.dilations)
        y = padded(y, [(-begin, more - end) for (begin, end), more in zip(pads, extra, strict=True)])
        return y if bias is None else y + bias.view(-1, *[1] * axes)

    return convolve


def _transposed_pads(node: Node, windows: Windows, x: Tensor, extra: list[int]) -> Pads:
    """What to crop on each axis: given, or what is left over beyond the size asked for."""
    asked = node.integers("output_shape")
    if asked is None and windows.explicit is not None:
        return list(windows.explicit)
    sizes = asked[-len(extra) :] if asked else [n * s for n, s in zip(x.shape[2:], windows.strides, strict=True)]
    pads = []
    for size, n, stride, reach, more in zip(sizes, x.shape[2:], windows.strides, windows.reaches, extra, strict=True):
        total = stride * (n - 1) + more + reach - size
        half = total // 2
        pads.append((half, total - half) if node.text("auto_pad", "NOTSET") == "SAME_UPPER" else (total - half, half))
    return pads
