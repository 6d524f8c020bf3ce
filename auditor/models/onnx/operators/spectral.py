"""Fourier transforms and the windows and filters of audio front ends; complex numbers are pairs on the last axis."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from auditor.models.onnx.graph.registry import operator
from auditor.models.onnx.graph.signature import HostTensor, Integer


@operator("DFT", since=20)
def fourier_transform(
    input: Tensor, dft_length: Integer | None = None, axis: Integer = -2,
    *, inverse: bool = False, onesided: bool = False,
) -> Tensor:  # fmt: skip
    """A one-sided inverse gives real numbers."""
    along = axis % input.dim()
    if inverse and onesided:
        return torch.fft.irfft(_complex(input), dft_length, along).unsqueeze(-1)
    if onesided:
        return torch.view_as_real(torch.fft.rfft(input.squeeze(-1), dft_length, along))
    return torch.view_as_real((torch.fft.ifft if inverse else torch.fft.fft)(_complex(input), dft_length, along))


operator("DFT", until=19)(partial(fourier_transform, axis=1))


def _complex(x: Tensor) -> Tensor:
    """Numbers from pairs, or from a last axis of one real part."""
    return torch.view_as_complex(x.contiguous()) if x.shape[-1] == 2 else torch.complex(x, torch.zeros_like(x))[..., 0]


@operator("STFT")
def short_time_fourier_transform(
    signal: Tensor, frame_step: Integer, window: Tensor | None = None, frame_length: Integer | None = None,
    *, onesided: bool = True,
) -> Tensor:  # fmt: skip
    """The spectra of overlapping frames ``(N, frames, bins, 2)`` of signals ``(N, L)`` or ``(N, L, 1 or 2)``."""
    if signal.dim() == 3:
        signal = _complex(signal) if signal.shape[-1] == 2 else signal[..., 0]
    size = frame_length or (signal.shape[1] if window is None else window.numel())
    frames = signal.unfold(1, size, frame_step)
    frames = frames if window is None else frames * window
    return torch.view_as_real(torch.fft.rfft(frames) if onesided else torch.fft.fft(frames))


def _window(
    a: float, b: float, c: float, size: Integer, *, output_datatype: torch.dtype = torch.float32, periodic: bool = True
) -> Tensor:
    """a - b cos(2 pi n / N) + c cos(4 pi n / N)."""
    angle = 2 * math.pi * torch.arange(size, dtype=torch.float64) / (size if periodic else size - 1)
    return (a - b * torch.cos(angle) + c * torch.cos(2 * angle)).to(output_datatype)


operator("HannWindow")(partial(_window, 0.5, 0.5, 0.0))
operator("HammingWindow")(partial(_window, 25 / 46, 21 / 46, 0.0))
operator("BlackmanWindow")(partial(_window, 0.42, 0.5, 0.08))


@operator("MelWeightMatrix")
def mel_weight_matrix(
    num_mel_bins: Integer, dft_length: Integer, sample_rate: Integer, lower_edge_hertz: HostTensor,
    upper_edge_hertz: HostTensor,
    *, output_datatype: torch.dtype = torch.float32,
) -> Tensor:  # fmt: skip
    """Triangles, evenly spaced on the mel scale, as weights ``(frequency bins, mel bins)``."""
    low, high = (2595 * math.log10(1 + float(edge) / 700) for edge in (lower_edge_hertz, upper_edge_hertz))
    mel = low + torch.arange(num_mel_bins + 2, dtype=torch.float64) * ((high - low) / (num_mel_bins + 2))
    edges = torch.floor((dft_length + 1) * 700 * (10 ** (mel / 2595) - 1) / sample_rate)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    frequency = torch.arange(dft_length // 2 + 1, dtype=torch.float64).unsqueeze(1)
    rising = torch.where(centre > left, (frequency - left) / (centre - left).clamp(min=1), 1.0)
    falling = (right - frequency) / (right - centre).clamp(min=1)
    weights = torch.where(frequency <= centre, rising, falling)
    inside = (frequency >= left) & (frequency < right) | (frequency == centre)
    return (weights * inside).to(output_datatype)
