"""Instances in the dtype and the batch sizes that a model takes, and its answer as one row for each instance."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from auditor.errors import InputRefused
from auditor.models.straight_through import straight_round


def to_input_dtype(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Instances in the dtype that the model declares; uint8 models take pixels 0..255, so [0, 1] times 255."""
    if dtype == torch.uint8:
        return (x * 255).round().clamp(0, 255).to(torch.uint8)
    return x.to(dtype)


def differentiable(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Instances with the model's own values, still differentiable: whole pixels 0..255 keep the gradient of 255 x."""
    return straight_round(x * 255) if dtype == torch.uint8 else x.to(dtype)


def score_rows(scores: Tensor) -> Tensor:
    """Scores as float32 ``(N, C)``: single axes at the end are dropped, ``(N,)`` becomes ``(N, 1)``.

    Raises:
        InputRefused: they are whole numbers, so labels.
    """
    if not scores.is_floating_point():
        raise InputRefused(
            "floating-point scores", f"{str(scores.dtype)[6:]} output", "export the model without argmax"
        )
    if scores.dim() == 1:
        scores = scores[:, None]
    while scores.dim() > 2 and scores.shape[-1] == 1:
        scores = scores[..., 0]
    return scores.float()


def in_groups(run: Callable[[Tensor], Tensor], x: Tensor, least: int, most: int | None) -> Tensor:
    """``run`` over all of x in batches of ``least`` to ``most`` rows, a short one filled up with its last row.

    Args:
        x: ``(N, ...)``, N >= 1.
        least, most: sizes that ``run`` takes; None has no upper end.
    Returns:
        ``(N, ...)``, one row for each of x.
    """
    parts = [run(filled_up(part, least))[: len(part)] for part in (x.split(most) if most else (x,))]
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def filled_up(x: Tensor, size: int) -> Tensor:
    """A batch of at least ``size`` rows, a shorter one filled up with its last row."""
    return torch.cat([x, x[-1:].expand(size - len(x), *x.shape[1:])]) if len(x) < size else x
