"""Straight paths between instances, and how often the predicted class changes along them."""

from __future__ import annotations

import torch
from torch import Tensor


def segments(start: Tensor, end: Tensor, points: int) -> Tensor:
    """Evenly spaced points on the segment between two instances, both ends included exactly.

    Args:
        start, end (float32): ``(N, *shape)``.
        points: T >= 2.
    Returns:
        float32 ``(N, T, *shape)``.

    >>> segments(torch.tensor([[0.0]]), torch.tensor([[1.0]]), 3).flatten()
    tensor([0.0000, 0.5000, 1.0000])
    """
    steps = torch.arange(points, device=start.device)
    return points_at(start[:, None], end[:, None], steps.expand(len(start), -1), points)


def points_at(start: Tensor, end: Tensor, steps: Tensor, points: int) -> Tensor:
    """The points of ``segments`` at some of its steps.

    Args:
        start, end (float32): ``(N, *shape)``, or ``(N, 1, *shape)`` for several steps of each.
        steps (int64 or int32): ``(N,)``, or ``(N, K)``, in [0, T).
        points: T >= 2.
    Returns:
        float32 ``(N, *shape)``, or ``(N, K, *shape)``.
    """
    assert points >= 2, points
    weights = torch.linspace(0, 1, points, dtype=start.dtype, device=start.device)[steps]
    return torch.lerp(start, end, weights.view(*steps.shape, *(1,) * (start.dim() - steps.dim())))


def class_change_rate(classes: Tensor) -> Tensor:
    """Share of steps along each trajectory at which the predicted class changes.

    Args:
        classes (int64): ``(N, T)``, predicted class at each point, T >= 2.
    Returns:
        float32 ``(N,)`` in [0, 1].

    >>> class_change_rate(torch.tensor([[3, 3, 5, 3]]))
    tensor([0.6667])
    """
    return (classes[:, 1:] != classes[:, :-1]).float().mean(dim=1)


def round_robin_pairs(count: int, rounds: int, *, rng: torch.Generator) -> Tensor:
    """Distinct pairs of instances, by the rounds of a tournament in which everyone meets everyone once.

    In a round no instance appears twice, so the first pairs share as little as pairs can (circle method, with the
    instances numbered at random).

    Args:
        count: N >= 2 instances.
        rounds: most rounds wanted; there are N - 1 for an even N and N for an odd one.
        rng: CPU generator.
    Returns:
        int64 ``(P, 2)``, P = rounds * floor(N / 2); no unordered pair occurs twice.
    """
    assert count >= 2, count
    circle = count if count % 2 else count - 1
    rounds = min(rounds, circle)
    centre, offset = torch.arange(rounds)[:, None], torch.arange(1, (circle + 1) // 2)
    left, right = (centre + offset) % circle, (centre - offset) % circle
    if count % 2 == 0:
        # For an even N the last one stands outside the circle and meets the one who has no partner in it.
        left, right = torch.cat([left, centre], dim=1), torch.cat([right, torch.full_like(centre, circle)], dim=1)
    numbers = torch.randperm(count, generator=rng)
    return numbers[torch.stack([left.flatten(), right.flatten()], dim=1)]
