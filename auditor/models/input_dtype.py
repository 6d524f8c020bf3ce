"""Pixels in [0, 1] in the dtype that a model takes: models of uint8 take 0..255."""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.models.straight_through import straight_round


def to_input_dtype(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Instances in the dtype that the model declares; uint8 models take pixels 0..255, so [0, 1] times 255."""
    if dtype == torch.uint8:
        return (x * 255).round().clamp(0, 255).to(torch.uint8)
    return x.to(dtype)


def differentiable(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Instances with the model's own values, still differentiable: whole pixels 0..255 keep the gradient of 255 x."""
    return straight_round(x * 255) if dtype == torch.uint8 else x.to(dtype)
