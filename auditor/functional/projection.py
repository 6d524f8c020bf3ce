"""Smallest step inside the pixel box that a linear model says is enough.

    min ||d||_p   subject to   <n, d> >= c   and   0 <= x + d <= 1        (p = 2 or infinity)

The solution is d = clip(lambda * n) for p = 2 and d = clip(lambda * sign(n)) for p = infinity, where clip keeps
x + d in the box; <n, d> grows with lambda, so lambda is found by bisection on a number, with no call of the
model. Source: Croce and Hein, arXiv 1907.02044, section 3.1 (FAB), which solves the same problem by sorting.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Norm = Literal["l2", "linf"]


def box_step(x: Tensor, normal: Tensor, c: Tensor, *, norm: Norm, iterations: int = 24) -> Tensor:
    """The smallest step d with <normal, d> >= c that keeps x + d in [0, 1].

    Args:
        x (float32): ``(N, *shape)`` in [0, 1].
        normal (float32): ``(N, *shape)``.
        c (float32): ``(N,)``; no step is made where c <= 0.
        norm: which length of d is smallest.
        iterations: halvings of the interval of lambda.
    Returns:
        float32 ``(N, *shape)``; the farthest step in the box where no step reaches c.
    """
    flat, n = x.flatten(1), normal.flatten(1)
    way = n if norm == "l2" else n.sign()
    # Beyond this lambda every pixel with a non-zero direction has met the box.
    smallest = torch.where(way != 0, way.abs(), torch.inf).amin(dim=1, keepdim=True)
    high = torch.where(torch.isfinite(smallest), 1 / smallest.clamp_min(1e-30), torch.zeros_like(smallest))
    # The unclipped solution is a lower bound and saves most of the halvings when few pixels meet the box.
    squared = (n * way).sum(dim=1, keepdim=True).clamp_min(1e-30)
    low = torch.minimum((c[:, None] / squared).clamp_min(0), high)

    def clipped(size: Tensor) -> Tensor:
        return (flat + size * way).clamp(0, 1) - flat

    # High may be astronomically far for nearly flat pixels: double from the lower bound until enough.
    trial = torch.minimum(low * 2, high)
    for _ in range(iterations):
        short = (clipped(trial) * n).sum(dim=1, keepdim=True) < c[:, None]
        if not bool((short & (trial < high)).any()):
            break
        low, trial = torch.where(short, trial, low), torch.where(short, torch.minimum(trial * 2, high), trial)
    high = trial
    for _ in range(iterations):
        middle = (low + high) / 2
        short = (clipped(middle) * n).sum(dim=1, keepdim=True) < c[:, None]
        low, high = torch.where(short, middle, low), torch.where(short, high, middle)
    return torch.where(c[:, None] > 0, clipped(high), torch.zeros_like(flat)).view_as(x)
