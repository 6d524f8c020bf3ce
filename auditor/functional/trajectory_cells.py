"""How often the class changes along trajectories, from some of their points, without bias.

A first look at a few points cuts a trajectory into cells. A cell counts one change where its ends differ in class. Then
cells are halved at random, and their halves again; what a middle point adds to the count weighs as much more as it was
unlikely to be asked:

    changes = #{cells whose ends differ} + sum over middles asked of  w (d_am + d_mb - d_ab),   w = 1 / (q_1 .. q_k)

d_ab is 1 where the classes at a and b differ, else 0; q_1 .. q_k are the chances of this halving and of those that led
to it. If every cell were halved down to single steps, the sum without weights would be the count over all points,
because what is added telescopes. A middle is asked with probability 1 / w, so the expectation of the weighted sum is
that count, for any chances above 0 that depend on nothing but points asked before (Horvitz and Thompson).

How decided the ends of a cell are tells where changes may hide:

    u = (lead at a + lead at b) / (steps between * steepest),   q = 2^-floor(2.5 u + d_ab),   w <= 16

A lead is the logit of the class less the largest of the others; steepest is the largest fall of the lead per step that
the first look saw on the trajectory. Ends of one class with u > 1 hide no other class unless something falls more
steeply. Least variance for the passes takes a chance that goes with the root of the mean square of what a cell hides
(Neyman); ``benchmarks/passes.md`` shows what other constants cost on trajectories walked in full.

Sources: Horvitz and Thompson, A generalization of sampling without replacement from a finite universe, J. Am. Stat.
Assoc. 47, 1952; Neyman, On the two different aspects of the representative method, J. R. Statist. Soc. 97, 1934.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

DECAY = 2.5
"""Halvings of the chance for each unit of u."""
HEAVIEST = 16.0
"""Largest weight: what is asked least often is asked on one trajectory in sixteen."""
BETWEEN, NEAR = 7, 25
"""Points of the first look between the ends, the outer ones a ``NEAR``-th of the way from an end: a trajectory that
starts on a boundary most often changes class there, or not before it is far away."""

Ask = Callable[[Tensor, Tensor], tuple[Tensor, Tensor] | None]
"""Maps trajectories and steps on them, int64 ``(n,)`` each, to the class at each of these points, int64 ``(n,)``, and
its lead, float32 ``(n,)``, NaN where it is unknown; None ends the walk."""


def first_steps(points: int) -> Tensor:
    """The points of a trajectory that are looked at first, both ends included.

    Args:
        points: T >= 2.
    Returns:
        int64 ``(K,)``, ascending, 2 <= K <= 9.

    >>> first_steps(50).tolist()
    [0, 2, 10, 17, 24, 32, 40, 47, 49]
    >>> first_steps(3).tolist()
    [0, 1, 2]
    """
    last = points - 1
    near = round(last / NEAR)
    inner = torch.linspace(near, last - near, BETWEEN, dtype=torch.float64).round().long()
    return torch.cat([torch.tensor([0]), inner, torch.tensor([last])]).unique()


def changes_along(ask: Ask, count: int, steps: Tensor, *, draw: Callable[[Tensor], Tensor]) -> Tensor | None:
    """Changes of class along trajectories: for each an estimate whose expectation is the number over all points.

    Args:
        ask: the class at single points.
        count: P, trajectories.
        steps (int64): ``(K,)``, looked at first, ascending, with both ends; the number is exact where these are all.
        draw: chooses with given chances, float64 ``(n,)`` in (0, 1], to bool ``(n,)``.
    Returns:
        float64 ``(P,)``, >= 0; None as ``ask``.
    """
    row, step = torch.arange(count).repeat_interleave(len(steps)), steps.repeat(count)
    if (answers := ask(row, step)) is None:
        return None
    cells = step.view(count, -1).unfold(1, 2, 1), *(of.view(count, -1).unfold(1, 2, 1) for of in _finite(answers))
    ends, classes, leads = (of.flatten(0, 1) for of in cells)
    row = torch.arange(count).repeat_interleave(len(steps) - 1)
    steepest = _fall(ends, classes, leads).view(count, -1).amax(dim=1)
    weight = torch.ones(len(row), dtype=torch.float64)
    changes = _differ(classes).view(count, -1).sum(dim=1).double()
    while True:
        decided = (leads.sum(dim=1) / (ends.diff(dim=1)[:, 0] * steepest[row])).nan_to_num(0.0)
        chance = torch.maximum(2.0 ** -(DECAY * decided + _differ(classes)).floor(), weight / HEAVIEST)
        wide = torch.nonzero(ends.diff(dim=1)[:, 0] > 1).flatten()
        halved = wide[draw(chance[wide])]
        if not len(halved):
            return changes
        row, ends, classes, leads = row[halved], ends[halved], classes[halved], leads[halved]
        weight, middle = weight[halved] / chance[halved], ends.sum(dim=1) // 2
        if (answers := ask(row, middle)) is None:
            return None
        middles = middle, *_finite(answers)
        ends, both, leads = (_halves(of, at) for of, at in zip((ends, classes, leads), middles, strict=True))
        more = _differ(both).view(2, -1).sum(dim=0) - _differ(classes)
        changes.index_add_(0, row, weight * more)
        classes, row, weight = both, row.repeat(2), weight.repeat(2)


def _finite(answers: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Classes and leads in float64, an unknown lead as none."""
    classes, leads = answers
    return classes, leads.double().nan_to_num(0.0, 0.0, 0.0)


def _differ(classes: Tensor) -> Tensor:
    """Whether the ends of each cell ``(n, 2)`` differ in class: int64 ``(n,)``."""
    return (classes[:, 0] != classes[:, 1]).long()


def _fall(ends: Tensor, classes: Tensor, leads: Tensor) -> Tensor:
    """Least fall per step, of any class's lead over another, that a cell's ends allow: float64 ``(n,)``."""
    apart = torch.where(_differ(classes) > 0, leads.sum(dim=1), leads.diff(dim=1)[:, 0].abs())
    return apart / ends.diff(dim=1)[:, 0]


def _halves(ends: Tensor, middle: Tensor) -> Tensor:
    """Both ends of all first and then of all second halves: ``(2 n, 2)``."""
    first, last = ends.unbind(dim=1)
    return torch.cat([torch.stack([first, middle], dim=1), torch.stack([middle, last], dim=1)])
