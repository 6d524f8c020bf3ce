"""A targeted minimal-norm attack: the nearest points found, in two norms, that the model puts in class t.

1. A descent in the maximum norm from the source.
2. One in L2, from the nearest point of the linear model that the first one leaves behind.
3. Another in the maximum norm, from that of the second.

Each thus begins near its own minimum, and in another place than the last. Where the caller has a nearer point, or none
else is known, the second and third begin there. A minimum is local, so where a descent begins matters more than how
long it is. Few inputs leave room for more: where there are at most ``FEW_INPUTS``, points all around a source are asked
about as well.

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

from auditor.functional.descent import Descent, Logits, column, descend, lengths
from auditor.functional.projection import Norm

GAIN, FAR = 0.998, 3.0
"""A point is looked for at this share of the best distance; a candidate farther than this many times it is dropped."""
BACK, WIDER = 1 / 32, 4
"""A candidate is first asked about this share nearer, then, as long as that is in t, each time this much wider."""
FEW_INPUTS, DIRECTIONS, REACH = 8, 32, (0.95, 0.8, 0.95)
"""With so few inputs, so many directions are asked about at these shares of the best distance known by then."""

Predict = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class AttackBudget:
    """How much is spent on each source.

    Args:
        first: gradients of the descent from the source.
        again: gradients of each of the two further descents.
        halvings: questions for drawing a candidate to the boundary.
        last: gradients of the last descent, in the maximum norm; None: as many as of the one before.
    """

    first: int = 24
    again: int = 26
    halvings: int = 7
    last: int | None = None


@dataclass
class Nearest:
    """The nearest points of class t so far, in one norm.

    Args:
        predict: the artefact's class, ``(n, *shape)`` to int64 ``(n,)``.
        x, target: as in ``minimal_norm``.
        point: float32 ``(N, *shape)``, the source where none was found.
        distance: float32 ``(N,)``, infinite where none was found.
        tried: float32 ``(N,)``, distance of the farthest candidate asked about.
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
    def none(cls, predict: Predict, x: Tensor, target: Tensor, norm: Norm, halvings: int) -> Nearest:
        """Nothing known yet."""
        unknown = torch.full((len(x),), torch.inf, device=x.device)
        return cls(predict, x, target, norm, halvings, x.clone(), unknown, torch.zeros_like(unknown))

    @property
    def found(self) -> Tensor:
        """Whether a point of class t is known: bool ``(N,)``."""
        return self.distance.isfinite()

    def offer(self, candidate: Tensor) -> None:
        """Take the candidate where the artefact puts it in t and it is nearer, after bisection towards the source."""
        size = lengths(candidate - self.x, self.norm)
        self.tried = self.tried.fmax(size)  # a candidate of NaNs was not asked about
        # A candidate that is the source itself asks nothing.
        rows = torch.nonzero((size > 0) & (size < FAR * self.distance)).flatten()
        # Where a point is known, one look at a point a little nearer on the way to the candidate tells whether its
        # bisection is worth the while.
        share = (GAIN * self.distance / size.clamp_min(1e-12)).clamp_max(1)
        x, tried = self.x[rows], torch.lerp(self.x[rows], candidate[rows], column(share[rows], self.x))
        inside = torch.nonzero(self._in_target(tried, rows)).flatten()
        rows, x, tried = rows[inside], x[inside], tried[inside]
        low, high, back = x.new_zeros(len(rows)), x.new_ones(len(rows)), BACK
        for _ in range(self.halvings if len(rows) else 0):
            # Descents end close to the boundary: so it is looked for there first, until a point outside is known.
            middle = torch.where(low > 0, (low + high) / 2, (high - back).maximum(high / 2))
            hit = self._in_target(torch.lerp(x, tried, column(middle, x)), rows)
            low, high, back = torch.where(hit, low, middle), torch.where(hit, middle, high), back * WIDER
        self.point[rows] = torch.lerp(x, tried, column(high, x))
        self.distance = self.distance.index_put((rows,), lengths(self.point[rows] - x, self.norm))

    def _in_target(self, x: Tensor, rows: Tensor) -> Tensor:
        return self.predict(x) == self.target[rows] if len(rows) else torch.zeros_like(rows, dtype=torch.bool)


def minimal_norm(
    logits: Logits, predict: Predict, x: Tensor, target: Tensor, starts: list[Tensor], budget: AttackBudget
) -> dict[Norm, Nearest]:
    """The nearest points of class t found for each instance, by norm; found in both norms or in neither.

    Args:
        logits: differentiable, ``(n, *shape)`` to float32 ``(n, C)``.
        predict: the artefact's class, ``(n, *shape)`` to int64 ``(n,)`` on the same device.
        x (float32): ``(N, *shape)`` in [0, 1], not predicted t, on any device, where everything else lies too.
        target (int64): ``(N,)``, class t of each instance.
        starts: further candidate points, each ``(N, *shape)`` in [0, 1]; those not predicted t are ignored.
    """
    near = Nearest.none(predict, x, target, "l2", budget.halvings)
    flat = Nearest.none(predict, x, target, "linf", budget.halvings)
    first = descend(logits, x, target, None, norm="linf", steps=budget.first)
    flat.offer(first.point)
    alone, reach = flat.distance, FAR * lengths(first.point - x, "l2").where(flat.found, torch.inf)
    for start in starts:
        # From a point that is far away a descent rarely comes near enough; the source stands in for it.
        near.offer(torch.where(column(lengths(start - x, "l2") < reach, x), start, x))
    flat.offer(near.point)
    if x.numel() and x[0].numel() <= FEW_INPUTS:
        near.offer(flat.point)
        for each in (near, flat):
            _look_around(each)
    second = _again(logits, near, first, near.found, budget.again)
    _again(logits, flat, second, flat.distance < alone, budget.again if budget.last is None else budget.last)
    for each, other in ((near, flat), (flat, near)):  # a point of the target class is one in either norm
        each.offer(torch.where(column(each.found, x), x, other.point))
    return {"l2": near, "linf": flat}


def _again(logits: Logits, known: Nearest, last: Descent, other: Tensor, steps: int) -> Descent:
    """A further descent, from where the last one's linear model says, or from a nearer point that it did not find.

    Args:
        known: of the norm to descend in, which is offered what was found.
        other: bool ``(N,)``, whether the known point was found by other means than descents.
    """
    begin = last.turned(known.x, known.norm)
    nearer = other & (known.distance < lengths(begin.point - known.x, known.norm))
    begin = Descent(torch.where(column(nearer, known.x), known.point, begin.point), begin.gradient, begin.margin)
    if not steps:
        return begin
    found = descend(logits, known.x, known.target, begin, norm=known.norm, steps=steps)
    known.offer(found.point)
    return found


def _look_around(known: Nearest) -> None:
    """Offer points in many directions, the same ones for every source; anywhere in the box where none is known."""
    rng = torch.Generator().manual_seed(0)
    for share in REACH:
        ways = torch.randn((DIRECTIONS, *known.x.shape[1:]), generator=rng).to(known.x.device)
        for way in ways / column(lengths(ways, known.norm), ways):
            reach = torch.where(known.found, share * known.distance, share)
            known.offer((known.x + column(reach, known.x) * way).clamp(0, 1))
