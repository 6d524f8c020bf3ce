"""A targeted minimal-norm attack: the nearest point found that the model puts in class t.

Descents from three places, the nearest of their points kept for each source:

1. the source itself;
2. the nearest point that the caller already has, where it is not much farther than the first descent's;
3. the nearest point found so far, unless the first two came to the same distance.

A minimum is local, so where a descent begins matters more than how long it is. Few inputs leave room for more: where
there are at most ``FEW_INPUTS``, points all around a source are asked about as well.

Each candidate is brought back towards its source by bisection on the artefact's own prediction, so every point
returned is predicted t by the artefact, and its distance is an upper bound of the true minimum. What happens to a
source depends on that source alone, whatever others are attacked beside it.

The descents and their sources: ``auditor.functional.descent``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from auditor.functional.descent import Logits, descend, lengths
from auditor.functional.projection import Norm

GAIN, FAR = 0.998, 3.0
"""A point is looked for at this share of the best distance; a candidate farther than this many times it is dropped."""
SAME = 0.02
"""Two descents whose distances differ by no more than this share came to the same minimum."""
FEW_INPUTS, DIRECTIONS, REACH = 8, 32, (0.95, 0.8, 0.95)
"""With so few inputs, so many directions are asked about at these shares of the best distance known by then."""

Predict = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class AttackBudget:
    """How much is spent on each source.

    Args:
        first: gradients of the descent from the source.
        again: gradients of each further descent.
        halvings: questions for drawing a candidate to the boundary.
    """

    first: int = 24
    again: int = 20
    halvings: int = 10


@dataclass
class _Nearest:
    """The nearest points of class t so far.

    Args:
        predict: the artefact's class, ``(n, *shape)`` to int64 ``(n,)``.
        x, target: as in ``minimal_norm``.
        point: float32 ``(N, *shape)``, the source where none was found.
        distance: float32 ``(N,)``, infinite where none was found.
        tried: float32 ``(N,)``, distance of the farthest candidate.
    """

    predict: Predict
    x: Tensor
    target: Tensor
    norm: Norm
    halvings: int
    point: Tensor
    distance: Tensor
    tried: Tensor

    @classmethod
    def none(cls, predict: Predict, x: Tensor, target: Tensor, norm: Norm, halvings: int) -> _Nearest:
        """Nothing known yet."""
        unknown = torch.full((len(x),), torch.inf, device=x.device)
        return cls(predict, x, target, norm, halvings, x.clone(), unknown, torch.zeros_like(unknown))

    def offer(self, candidate: Tensor) -> None:
        """Take the candidate where the artefact puts it in t and it is nearer, after bisection towards the source."""
        size = lengths(candidate - self.x, self.norm)
        self.tried = self.tried.fmax(size)  # a candidate of NaNs was not asked about
        # A candidate that is the source itself asks nothing.
        rows = torch.nonzero((size > 0) & (size < FAR * self.distance)).flatten()
        # Where a point is known, one look at a point a little nearer on the way to the candidate tells whether its
        # bisection is worth the while.
        share = (GAIN * self.distance / size.clamp_min(1e-12)).clamp_max(1)
        x, tried = self.x[rows], torch.lerp(self.x[rows], candidate[rows], _column(share[rows], self.x))
        inside = torch.nonzero(self._in_target(tried, rows)).flatten()
        rows, x, tried = rows[inside], x[inside], tried[inside]
        low, high = x.new_zeros(len(rows)), x.new_ones(len(rows))
        for _ in range(self.halvings if len(rows) else 0):
            middle = (low + high) / 2
            hit = self._in_target(torch.lerp(x, tried, _column(middle, x)), rows)
            low, high = torch.where(hit, low, middle), torch.where(hit, middle, high)
        self.point[rows] = torch.lerp(x, tried, _column(high, x))
        self.distance = self.distance.index_put((rows,), lengths(self.point[rows] - x, self.norm))

    def _in_target(self, x: Tensor, rows: Tensor) -> Tensor:
        return self.predict(x) == self.target[rows] if len(rows) else torch.zeros_like(rows, dtype=torch.bool)


def minimal_norm(
    logits: Logits,
    predict: Predict,
    x: Tensor,
    target: Tensor,
    starts: list[Tensor],
    *,
    norm: Norm,
    budget: AttackBudget,
) -> tuple[Tensor, Tensor, Tensor]:
    """The nearest point of class t found for each instance.

    Args:
        logits: differentiable, ``(n, *shape)`` to float32 ``(n, C)``.
        predict: the artefact's class, ``(n, *shape)`` to int64 ``(n,)`` on the same device.
        x (float32): ``(N, *shape)`` in [0, 1], not predicted t, on any device, where everything else lies too.
        target (int64): ``(N,)``, class t of each instance.
        starts: further candidate points, each ``(N, *shape)`` in [0, 1]; those not predicted t are ignored.
    Returns:
        points float32 ``(N, *shape)``; bool ``(N,)``, whether a point of class t was found, where it was not, the
        point is the instance itself; float32 ``(N,)``, distance of the farthest candidate asked about.
    """
    known, given = (_Nearest.none(predict, x, target, norm, budget.halvings) for _ in range(2))
    known.offer(descend(logits, x, target, None, norm=norm, steps=budget.first))
    first = known.distance
    for start in starts:
        # From a point that is far away a descent rarely comes near enough; the source stands in for it.
        near = lengths(start - x, norm) < FAR * first
        given.offer(torch.where(_column(near, x), start, x))
    known.offer(given.point)
    second = _again(logits, known, given.point, given.distance.isfinite(), budget.again)
    if x.numel() and x[0].numel() <= FEW_INPUTS:
        _look_around(known)
    settled = ((second - first).abs() <= SAME * first) & (first - known.distance <= SAME * first)
    _again(logits, known, known.point.clone(), known.distance.isfinite() & ~settled, budget.again)
    return known.point, known.distance.isfinite(), known.tried.maximum(given.tried)


def _again(logits: Logits, known: _Nearest, start: Tensor, chosen: Tensor, steps: int) -> Tensor:
    """Another descent of some instances: float32 ``(N,)``, how near each came, infinite for the others."""
    distance = torch.full((len(start),), torch.inf, device=start.device)
    rows = torch.nonzero(chosen).flatten()
    if len(rows) and steps:
        reached = known.point.clone()
        reached[rows] = descend(logits, known.x[rows], known.target[rows], start[rows], norm=known.norm, steps=steps)
        distance[rows] = lengths(reached - known.x, known.norm)[rows]
        known.offer(reached)
    return distance


def _look_around(known: _Nearest) -> None:
    """Offer points in many directions, the same ones for every source; anywhere in the box where none is known."""
    rng = torch.Generator().manual_seed(0)
    for share in REACH:
        ways = torch.randn((DIRECTIONS, *known.x.shape[1:]), generator=rng).to(known.x.device)
        for way in ways / _column(lengths(ways, known.norm), ways):
            reach = torch.where(known.distance.isfinite(), share * known.distance, share)
            known.offer((known.x + _column(reach, known.x) * way).clamp(0, 1))


def _column(values: Tensor, x: Tensor) -> Tensor:
    """One value for each instance, shaped to meet ``(N, *shape)``."""
    return values.view((-1,) + (1,) * (x.dim() - 1))
