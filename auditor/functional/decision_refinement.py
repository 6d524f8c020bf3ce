"""Brings points of class t nearer to their sources by decisions alone: what a gradient that misleads has left over.

- ``restored``: random sets of pixels are set back towards the source. A model that rounds its input does not see most
  small changes, so that a point found along a gradient may lose many of them and stay in t.
- ``corners``: in the maximum norm the nearest point of a flat boundary changes every pixel by the same amount, up or
  down. The signs start as those of the way to the known point; sets of pixels are flipped and kept where t then begins
  nearer, after RayS (arXiv 2006.12792), which walks through the sets in order.

All instances advance together; each step asks one question. Nearest points of a model whose gradient is right have
little to lose here, which makes both a check on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Predict = Callable[[Tensor], Tensor]

FIRST_SHARE, LEAST_SHARE = 0.5, 0.01
"""Of the pixels that one step changes; it grows after a hit and shrinks after a miss."""
GROW, SHRINK = 1.5, 0.9
GAIN = 0.995
"""Of its distance at which a point is asked for before it counts as nearer."""


def restored(
    predict: Predict,
    x: Tensor,
    y: Tensor,
    target: Tensor,
    sizes: Sequence[int],
    rngs: Sequence[torch.Generator],
    steps: int,
) -> Tensor:
    """Set pixels of y back to those of x, or half-way, as long as the class stays t.

    Args:
        predict: the model's class, ``(n, *shape)`` to int64 ``(n,)``.
        x, y (float32): ``(N, *shape)`` in [0, 1]; y is predicted t.
        target (int64): ``(N,)``.
        sizes: how many instances belong to each direction, in order; they sum to N.
        rngs: one for each direction.
        steps: questions for each instance.
    Returns:
        float32 ``(N, *shape)``, predicted t; no pixel is farther from the source than before.
    """
    axes = (-1,) + (1,) * (x.dim() - 1)
    y, share = y.clone(), x.new_full((len(x),), FIRST_SHARE)
    for step in range(steps):
        back = 1.0 if step % 2 == 0 else 0.5
        chosen = _uniform(x, sizes, rngs) < share.view(axes)
        there = torch.where(chosen, torch.lerp(y, x, back), y)
        hit = predict(there) == target
        y = torch.where(hit.view(axes), there, y)
        share = torch.where(hit, share * GROW, share * SHRINK).clamp(LEAST_SHARE, FIRST_SHARE)
    return y


def corners(
    predict: Predict,
    x: Tensor,
    y: Tensor,
    target: Tensor,
    sizes: Sequence[int],
    rngs: Sequence[torch.Generator],
    steps: int,
    halvings: int,
) -> Tensor:
    """Nearer points of t in the maximum norm among those that change every pixel by the same amount.

    Args:
        halvings: further questions for each nearer point.
    Returns:
        float32 ``(N, *shape)``, predicted t, never farther than y in the maximum norm.
    """
    axes = (-1,) + (1,) * (x.dim() - 1)
    way = (y - x).sign()
    radius = (y - x).flatten(1).abs().amax(dim=1) if len(x) else x.new_zeros(0)
    best, share = y.clone(), x.new_full((len(x),), FIRST_SHARE)

    def at(rows: Tensor, sign: Tensor, size: Tensor) -> Tensor:
        return (x[rows] + sign * size.view(axes)).clamp(0, 1)

    for step in range(steps):
        chosen = _uniform(x, sizes, rngs) < share.view(axes)
        sign = torch.where(chosen & (step > 0), -way + (way == 0).float(), way)
        everything = torch.arange(len(x), device=x.device)
        hit = torch.nonzero(predict(at(everything, sign, GAIN * radius)) == target).flatten()
        share = share * SHRINK
        share[hit] = share[hit] / SHRINK * GROW
        share.clamp_(LEAST_SHARE, FIRST_SHARE)
        if not len(hit):
            continue
        low, high = x.new_zeros(len(hit)), GAIN * radius[hit]
        for _ in range(halvings):
            middle = (low + high) / 2
            inside = predict(at(hit, sign[hit], middle)) == target[hit]
            low, high = torch.where(inside, low, middle), torch.where(inside, middle, high)
        way[hit], radius[hit] = sign[hit], high
        best[hit] = at(hit, sign[hit], high)
    return best


def _uniform(x: Tensor, sizes: Sequence[int], rngs: Sequence[torch.Generator]) -> Tensor:
    """Numbers in [0, 1) for all instances, one direction after the other, each from its own generator (CPU)."""
    drawn = [torch.rand((size, *x.shape[1:]), generator=rng) for size, rng in zip(sizes, rngs, strict=True)]
    return torch.cat(drawn).to(x.device)
