"""The nearest point of a class by the model's decisions alone: a random walk on circles around the source.

Let y be a point of class t at distance d from the source x, and v a random unit vector orthogonal to y - x. The circle
through y and x in the plane of both holds the points

    x + d cos(a) (cos(a) (y - x) / d + sin(a) v),   at distance d cos(a) from x.

Where the boundary is flat, half of all directions v lead to points that are still in t, so each step asks for the
points at +a and -a and takes the nearer one that is. The angle a of each instance grows after a hit and shrinks after
a miss. All instances advance together, two questions each for one step.

Source: SurFree, arXiv 2011.12807. Differences: two questions a step and an angle that adapts, instead of a search for
the best angle in each plane; targeted; plain Gaussian directions; respects the pixel box.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Predict = Callable[[Tensor], Tensor]

GROW, SHRINK = 1.6, 0.85
FIRST_ANGLE, LEAST_ANGLE, MOST_ANGLE = 0.5, 1e-3, 1.2


@dataclass(frozen=True)
class PolarBudget:
    """How long each instance is searched for.

    Args:
        steps: most steps; each asks two questions.
        block: steps between two looks, at which points are drawn to the boundary and idle instances leave.
        halvings: questions for drawing a point to the boundary.
        gain: share of its distance that an instance must win in a block to go on.
        patience: blocks without that gain after which an instance is done.
    """

    steps: int = 300
    block: int = 25
    halvings: int = 8
    gain: float = 0.01
    patience: int = 2


def entry(
    predict: Predict, x: Tensor, y: Tensor, source: Tensor, target: Tensor, halvings: int
) -> tuple[Tensor, Tensor]:
    """Draw points of class t towards their sources, up to where the segment enters t.

    Args:
        predict: the model's class, ``(n, *shape)`` to int64 ``(n,)``.
        x, y (float32): ``(N, *shape)``, sources and points predicted t.
        source, target (int64): ``(N,)``.
        halvings: questions for each instance.
    Returns:
        points float32 ``(N, *shape)``, predicted t, and bool ``(N,)``, whether no third class was met on the way.
    """
    axes = (-1,) + (1,) * (x.dim() - 1)
    low, high = x.new_zeros(len(x)), x.new_ones(len(x))
    clean = torch.ones(len(x), dtype=torch.bool, device=x.device)
    for _ in range(halvings):
        middle = (low + high) / 2
        met = predict(torch.lerp(x, y, middle.view(axes)))
        inside = met == target
        clean &= inside | (met == source)
        low, high = torch.where(inside, low, middle), torch.where(inside, middle, high)
    return torch.lerp(x, y, high.view(axes)), clean


def polar_search(
    predict: Predict,
    x: Tensor,
    start: Tensor,
    classes: tuple[Tensor, Tensor],
    sizes: Sequence[int],
    rngs: Sequence[torch.Generator],
    budget: PolarBudget,
    *,
    guarded: bool,
) -> Tensor:
    """Bring points of class t closer to their sources.

    Args:
        predict: the model's class, ``(n, *shape)`` to int64 ``(n,)``.
        x (float32): ``(N, *shape)`` in [0, 1], on any device; whatever has no other place named lies there too.
        start (float32): ``(N, *shape)`` in [0, 1], predicted t.
        classes: s and t of each instance, int64 ``(N,)`` each.
        sizes: how many instances belong to each direction, in order; they sum to N.
        rngs: one for each direction (CPU); what it draws does not depend on the other directions.
        budget: when to stop.
        guarded: return only points whose segment to the source meets no third class, or the start itself.
    Returns:
        float32 ``(N, *shape)``, predicted t, never farther from the source than the start.
    """
    best, nearest = start.clone(), _lengths(start - x)
    y, before, angle = start.clone(), nearest.clone(), x.new_full((len(x),), FIRST_ANGLE)
    # On the host, like who belongs to which direction: together they decide what is drawn.
    idle = torch.zeros(len(x), dtype=torch.int64)
    owner = torch.arange(len(sizes)).repeat_interleave(torch.tensor(list(sizes), dtype=torch.int64))
    for taken in range(0, budget.steps, budget.block):
        rows = torch.nonzero(idle < budget.patience).flatten()
        if not len(rows):
            break
        going = owner[rows].unique().tolist()
        places, there = _places(owner, going)[rows], rows.to(x.device)
        own, moved, turned = x[there], y[there], angle[there]
        source, target = (of[there] for of in classes)
        for _ in range(min(budget.block, budget.steps - taken)):
            noise = _noise(x.shape[1:], sizes, rngs, going)[places].to(x.device)
            moved, turned = _step(predict, own, moved, target, noise, turned)
        moved, clean = entry(predict, own, moved, source, target, budget.halvings)
        length = _lengths(moved - own)
        better = (length < nearest[there]) & (clean | (not guarded))
        best[there] = torch.where(better.view((-1,) + (1,) * (x.dim() - 1)), moved, best[there])
        nearest[there] = torch.where(better, length, nearest[there])
        won = (length < (1 - budget.gain) * before[there]).to(idle.device)
        idle[rows] = torch.where(won, 0, idle[rows] + 1)
        y[there], angle[there], before[there] = moved, turned, length
    return best


def _step(
    predict: Predict, x: Tensor, y: Tensor, target: Tensor, noise: Tensor, angle: Tensor
) -> tuple[Tensor, Tensor]:
    """One step of every instance: the new points and angles."""
    axes = (-1,) + (1,) * (x.dim() - 1)
    distance = _lengths(y - x).clamp_min(1e-12).view(axes)
    ahead = (y - x) / distance
    along = (noise * ahead).flatten(1).sum(dim=1).view(axes)
    aside = noise - along * ahead
    aside = aside / _lengths(aside).clamp_min(1e-12).view(axes)
    cosine, sine = angle.cos().view(axes), angle.sin().view(axes)
    both = torch.stack(
        [(x + distance * cosine * (cosine * ahead + side * sine * aside)).clamp(0, 1) for side in (1, -1)]
    )
    inside = (predict(both.flatten(0, 1)) == target.repeat(2)).view(2, -1)
    length = (
        _lengths(both.flatten(0, 1) - x.repeat(2, *[1] * (x.dim() - 1))).view(2, -1).masked_fill(~inside, torch.inf)
    )
    shortest, side = length.min(dim=0)
    hit = shortest < distance.flatten()
    moved = torch.where(side.view(axes) == 0, both[0], both[1])
    angle = torch.where(hit, angle * GROW, angle * SHRINK).clamp(LEAST_ANGLE, MOST_ANGLE)
    return torch.where(hit.view(axes), moved, y), angle


def _noise(shape: Sequence[int], sizes: Sequence[int], rngs: Sequence[torch.Generator], going: Sequence[int]) -> Tensor:
    """Gaussian directions for all instances of the directions that still go on, one after the other."""
    return torch.cat([torch.randn((sizes[k], *shape), generator=rngs[k]) for k in going])


def _places(owner: Tensor, going: Sequence[int]) -> Tensor:
    """For each instance its row among those of the directions that go on; the others' are never read."""
    kept = torch.isin(owner, torch.tensor(list(going)))
    return kept.long().cumsum(0) - 1


def _lengths(d: Tensor) -> Tensor:
    """Euclidean length of each step: float32 ``(N,)`` for ``(N, *shape)``."""
    return torch.linalg.vector_norm(d.flatten(1), dim=1)
