"""Convolution and its transpose, in one to three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from auditor.models.onnx.graph.registry import operator
from auditor.models.onnx.graph.windows import Pads, Windows, padded

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


class _FewChannels(torch.autograd.Function):
    """A convolution of images with few channels by a fixed weight and a stride, as a network's first layer is.

    The way back of stride S is S^2 convolutions of stride 1, one for each place within a stride, computed as one whose
    channels are then shuffled into place. torch's own takes two and a half times as long on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, begins: Pad, stride: int) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.begins, ctx.stride, ctx.size = begins, stride, x.shape[2:]
        return F.conv2d(x, weight, bias, stride, begins)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor, None, None, None, None]:
        (weight,), stride = ctx.saved_tensors, ctx.stride
        steps = [-(-k // stride) for k in weight.shape[2:]]
        down, across = (n * stride - k for n, k in zip(steps, weight.shape[2:], strict=True))
        taps = F.pad(weight, (0, across, 0, down)).unflatten(3, (-1, stride)).unflatten(2, (-1, stride)).flip(2, 4)
        phases = taps.permute(1, 3, 5, 0, 2, 4).flatten(0, 2)
        whole = F.pixel_shuffle(F.conv2d(above, phases, padding=[n - 1 for n in steps]), stride)
        (top, left), (height, width) = ctx.begins, ctx.size
        found = whole[:, :, top : top + height, left : left + width]
        # What no window reached, at the far ends, has no gradient.
        return F.pad(found, (0, width - found.shape[3], 0, height - found.shape[2])), None, None, None, None


FEW = 4
"""Channels up to which torch's own way back through a stride is slow: ``benchmarks/large_networks.md``."""


def _rest(weight: Tensor, begins: Pad, dilations: Pad) -> list[int]:
    """The padding of the way back on each axis: what the forward padding leaves of the kernel's reach."""
    return [d * (k - 1) - begin for k, begin, d in zip(weight.shape[2:], begins, dilations, strict=True)]


def _returns_sooner(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether a gradient is asked for the input alone, on a CPU: there the ways back above are sooner than torch's."""
    asked = torch.is_grad_enabled() and x.requires_grad and not weight.requires_grad
    return asked and (bias is None or not bias.requires_grad) and x.device.type == "cpu"


@operator("Conv")
def convolution(x: Tensor, w: Tensor, b: Tensor | None = None, *, group: int = 1, windows: Windows) -> Tensor:
    windows = windows.full if windows.kernel_shape else windows.over(w.shape[2:])
    pads = windows.padding(x)
    if any(begin != end for begin, end in pads):
        x, pads = padded(x, pads), [(0, 0)] * len(pads)
    begins = tuple(begin for begin, _ in pads)
    if group == 1 and len(set(windows.strides)) == 1 and _returns_sooner(x, w, b):
        y: Tensor | None = None
        if windows.strides[0] == 1 and min(_rest(w, begins, windows.dilations)) >= 0:
            y = _UnitStride.apply(x, w, b, begins, windows.dilations)
        elif windows.strides[0] > 1 and x.dim() == 4 and x.shape[1] <= FEW and set(windows.dilations) == {1}:
            y = _FewChannels.apply(x, w, b, begins, windows.strides[0])
        if y is not None:
            return y
    return _CONV[len(begins)](x, w, b, windows.strides, begins, windows.dilations, group)


@operator("ConvTranspose")
def transposed_convolution(
    x: Tensor, w: Tensor, b: Tensor | None = None,
    *, group: int = 1, output_padding: tuple[int, ...] = (), output_shape: tuple[int, ...] = (),
    windows: Windows,
) -> Tensor:  # fmt: skip
    """Computed without padding, then cropped to the size asked for; the bias comes last, on new borders too."""
    windows = windows.over(w.shape[2:])
    axes = len(windows.kernel_shape)
    extra = output_padding or (0,) * axes
    if output_shape or windows.fixed is None:
        sizes = output_shape[-axes:] or [n * s for n, s in zip(x.shape[2:], windows.strides, strict=True)]
        pads = _crops(windows, x, extra, sizes, more_at_end=windows.auto_pad == "SAME_UPPER")
    else:
        pads = windows.fixed
    y = _TRANSPOSED[axes](x, w, None, windows.strides, 0, 0, group, windows.dilations)
    y = padded(y, [(-begin, more - end) for (begin, end), more in zip(pads, extra, strict=True)])
    return y if b is None else y + b.view(-1, *[1] * axes)


def _crops(windows: Windows, x: Tensor, extra: Sequence[int], sizes: Sequence[int], more_at_end: bool) -> Pads:
    """What to crop on each axis of a transposed convolution: what is left over beyond the size asked for."""
    pads = []
    for size, n, stride, reach, more in zip(sizes, x.shape[2:], windows.strides, windows.reaches, extra, strict=True):
        total = stride * (n - 1) + more + reach - size
        half = total // 2
        pads.append((half, total - half) if more_at_end else (total - half, half))
    return pads
