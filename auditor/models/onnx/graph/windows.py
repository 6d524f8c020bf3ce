"""Sliding windows: how convolution and pooling pad and how many windows fit.

Shared by the operator families; ``pads`` are (begin, end) pairs, one for each spatial axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node

Pads = list[tuple[int, int]]


@dataclass(frozen=True)
class Windows:
    """Kernel size, strides and dilations over the spatial axes, and how a node asks for padding.

    ``explicit`` holds the pads of the file, or None where ``auto_pad`` derives them from the input's size.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    explicit: tuple[tuple[int, int], ...] | None
    extra_at_start: bool
    ceil_mode: bool

    def pads(self, x: Tensor) -> Pads:
        """Padding of each spatial axis for this input."""
        if self.explicit is not None:
            return list(self.explicit)
        pads = []
        for size, reach, stride in zip(x.shape[2:], self.reaches, self.strides, strict=True):
            total = max((math.ceil(size / stride) - 1) * stride + reach - size, 0)
            less, more = total // 2, total - total // 2
            pads.append((more, less) if self.extra_at_start else (less, more))
        return pads

    @property
    def reaches(self) -> tuple[int, ...]:
        """Extent of one window on each axis, gaps of dilation included."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    def counts(self, x: Tensor, pads: Pads) -> list[int]:
        """How many windows fit on each axis; in ceil mode a window must still start before the padding's end."""
        counts = []
        for size, (begin, end), reach, stride in zip(x.shape[2:], pads, self.reaches, self.strides, strict=True):
            steps = (size + begin + end - reach) / stride
            count = (math.ceil(steps) if self.ceil_mode else math.floor(steps)) + 1
            if self.ceil_mode and (count - 1) * stride >= size + begin:
                count -= 1
            counts.append(count)
        return counts

    def exact_pads(self, x: Tensor, pads: Pads) -> Pads:
        """Pads whose ends are moved so that the windows fit without a rest (negative crops)."""
        sizes = zip(x.shape[2:], pads, self.counts(x, pads), self.reaches, self.strides, strict=True)
        return [
            (begin, (count - 1) * stride + reach - size - begin) for size, (begin, _), count, reach, stride in sizes
        ]


def read_windows(node: Node, kernel: Sequence[int]) -> Windows:
    """The windows that a convolution or pooling node asks for."""
    axes = len(kernel)
    auto_pad = node.text("auto_pad", "NOTSET")
    flat = node.integers("pads") or [0] * (2 * axes)
    if auto_pad == "VALID":
        flat = [0] * (2 * axes)
    return Windows(
        kernel=tuple(kernel),
        strides=tuple(node.integers("strides") or [1] * axes),
        dilations=tuple(node.integers("dilations") or [1] * axes),
        explicit=None if auto_pad.startswith("SAME") else tuple(zip(flat[:axes], flat[axes:], strict=True)),
        extra_at_start=auto_pad == "SAME_LOWER",
        ceil_mode=node.flag("ceil_mode"),
    )


def padded(x: Tensor, pads: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    """``x`` with constant padding on its last axes; negative pads crop."""
    return F.pad(x, [amount for pair in reversed(pads) for amount in pair], value=value)
