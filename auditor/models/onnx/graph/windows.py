"""Sliding windows: how convolution and pooling pad and how many windows fit.

Shared by the operator families; ``Pads`` are (begin, end) pairs, one for each spatial axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch.nn.functional as F
from torch import Tensor

Pads = list[tuple[int, int]]


@dataclass(frozen=True)
class Windows:
    """What a file says of windows, by the names of the standard; ``over`` fills in lists that it leaves empty."""

    auto_pad: str = "NOTSET"
    ceil_mode: bool = False
    dilations: tuple[int, ...] = ()
    kernel_shape: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()

    def over(self, kernel: Sequence[int]) -> Windows:
        """The windows of a kernel, with every list in full."""
        ones, zeros = (1,) * len(kernel), (0, 0) * len(kernel)
        pads = zeros if self.auto_pad == "VALID" else self.pads or zeros
        strides, dilations = self.strides or ones, self.dilations or ones
        return Windows(self.auto_pad, self.ceil_mode, dilations, tuple(kernel), pads, strides)

    @cached_property
    def full(self) -> Windows:
        """The windows of the kernel that the file gives."""
        return self.over(self.kernel_shape)

    @cached_property
    def fixed(self) -> Pads | None:
        """Padding of each spatial axis, or None where ``auto_pad`` derives it from the input's size."""
        axes = len(self.kernel_shape)
        return None if self.auto_pad.startswith("SAME") else list(zip(self.pads[:axes], self.pads[axes:], strict=True))

    def padding(self, x: Tensor) -> Pads:
        """Padding of each spatial axis for this input."""
        if self.fixed is not None:
            return self.fixed
        pads = []
        for size, reach, stride in zip(x.shape[2:], self.reaches, self.strides, strict=True):
            total = max((math.ceil(size / stride) - 1) * stride + reach - size, 0)
            less, more = total // 2, total - total // 2
            pads.append((more, less) if self.auto_pad == "SAME_LOWER" else (less, more))
        return pads

    @property
    def reaches(self) -> tuple[int, ...]:
        """Extent of one window on each axis, gaps of dilation included."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel_shape, self.dilations, strict=True))

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


def padded(x: Tensor, pads: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    """``x`` with constant padding on its last axes; negative pads crop."""
    return F.pad(x, [amount for pair in reversed(pads) for amount in pair], value=value)
