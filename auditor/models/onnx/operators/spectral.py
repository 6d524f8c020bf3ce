"""Fourier transforms and the windows and filters of audio front ends; complex numbers are pairs on the last axis."""

from __future__ import annotations

import math

import torch
from onnx import TensorProto
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, operator
from auditor.models.onnx.graph.tensors import torch_dtype


@operator("DFT", host=(1, 2))
def fourier_transform(node: Node) -> Compute:
    """The axis is an attribute in opset 17 and an input since 20; a one-sided inverse gives real numbers."""
    inverse, one_sided, attribute = node.flag("inverse"), node.flag("onesided"), node.integer("axis", 1)

    def transform(x: Tensor, length: Tensor | None = None, axis: Tensor | None = None) -> Tensor:
        along = attribute if node.version < 20 else -2 if axis is None else int(axis.item())
        along = along % x.dim()
        count = None if length is None else int(length.item())
        if inverse and one_sided:
            return torch.fft.irfft(_complex(x), count, along).unsqueeze(-1)
        if one_sided:
            return torch.view_as_real(torch.fft.rfft(x.squeeze(-1), count, along))
        return torch.view_as_real((torch.fft.ifft if inverse else torch.fft.fft)(_complex(x), count, along))

    return transform


def _complex(x: Tensor) -> Tensor:
    """Numbers from pairs, or from a last axis of one real part."""
    return torch.view_as_complex(x.contiguous()) if x.shape[-1] == 2 else torch.complex(x, torch.zeros_like(x))[..., 0]


@operator("STFT", host=(1, 3))
def short_time_fourier_transform(node: Node) -> Compute:
    """The spectra of overlapping frames ``(N, frames, bins, 2)`` of signals ``(N, L)`` or ``(N, L, 1 or 2)``."""
    one_sided = node.flag("onesided", True)

    def transform(x: Tensor, step: Tensor, window: Tensor | None = None, length: Tensor | None = None) -> Tensor:
        signal = x if x.dim() == 2 else _complex(x) if x.shape[-1] == 2 else x[..., 0]
        size = int(length.item()) if length is not None else window.numel() if window is not None else x.shape[1]
        frames = signal.unfold(1, size, int(step.item()))
        frames = frames if window is None else frames * window
        return torch.view_as_real(torch.fft.rfft(frames) if one_sided else torch.fft.fft(frames))

    return transform


_COSINES = {
    "HannWindow": (0.5, 0.5, 0.0),
    "HammingWindow": (25 / 46, 21 / 46, 0.0),
    "BlackmanWindow": (0.42, 0.5, 0.08),
}


@operator(*_COSINES, host=(0,))
def window(node: Node) -> Compute:
    """a - b cos(2 pi n / N) + c cos(4 pi n / N)."""
    a, b, c = _COSINES[node.op]
    dtype = torch_dtype(node.integer("output_datatype", TensorProto.FLOAT))

    def weights(size: Tensor) -> Tensor:
        count = int(size.item())
        period = count if node.flag("periodic", True) else count - 1
        angle = 2 * math.pi * torch.arange(count, dtype=torch.float64) / period
        return (a - b * torch.cos(angle) + c * torch.cos(2 * angle)).to(dtype)

    return weights


@operator("MelWeightMatrix", host=(0, 1, 2, 3, 4))
def mel_weight_matrix(node: Node) -> Compute:
    """Triangles, evenly spaced on the mel scale, as weights ``(frequency bins, mel bins)``."""
    dtype = torch_dtype(node.integer("output_datatype", TensorProto.FLOAT))

    def matrix(mel_bins: Tensor, length: Tensor, rate: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
        low, high = (2595 * math.log10(1 + float(edge) / 700) for edge in (lowest, highest))
        mel = low + torch.arange(int(mel_bins) + 2, dtype=torch.float64) * ((high - low) / (int(mel_bins) + 2))
        edges = torch.floor((int(length) + 1) * 700 * (10 ** (mel / 2595) - 1) / int(rate))
        left, centre, right = edges[:-2], edges[1:-1], edges[2:]
        frequency = torch.arange(int(length) // 2 + 1, dtype=torch.float64).unsqueeze(1)
        rising = torch.where(centre > left, (frequency - left) / (centre - left).clamp(min=1), 1.0)
        falling = (right - frequency) / (right - centre).clamp(min=1)
        weights = torch.where(frequency <= centre, rising, falling)
        inside = (frequency >= left) & (frequency < right) | (frequency == centre)
        return (weights * inside).to(dtype)

    return matrix
