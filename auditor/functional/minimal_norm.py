"""A targeted minimal-norm attack: the nearest point found that the model puts in class t.

Four kinds of start, the nearest kept for each instance, then polished:

1. linear steps (DeepFool with the pixel box respected at each step);
2. DDN: gradient steps whose radius shrinks when the point is adversarial and grows when not;
3. points that the caller already has, such as DeepDIG's instances;
4. polish: linearise at the boundary point found, take the smallest step that the linear model asks for.

Each candidate is brought back towards its source by bisection on the artefact's own prediction, so every point
returned is predicted t by the artefact, and its distance is an upper bound of the true minimum.

Sources: DeepFool, arXiv 1511.04599; DDN, arXiv 1811.09600; polish after FAB, arXiv 1907.02044.
Differences: targeted throughout; DDN is also run with the radius in the maximum norm.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from auditor.functional.distances import largest
from auditor.functional.projection import Norm, box_step

GAIN, FAR = 0.998, 3.0
"""A point is looked for at this share of the best distance; a candidate farther than this many times it is dropped."""

Logits = Callable[[Tensor], Tensor]
Predict = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class AttackBudget:
    """Steps of each part of the attack; cost grows with their sum."""

    linear: int = 8
    ddn: int = 40
    polish: int = 4
    bisections: int = 12


def lengths(d: Tensor, norm: Norm) -> Tensor:
    """Length of each step: float32 ``(N,)`` for ``(N, *shape)``."""
    flat = d.flatten(1)
    return torch.linalg.vector_norm(flat, dim=1) if norm == "l2" else largest(flat)


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
        predict: the artefact's class, ``(n, *shape)`` to int64 ``(n,)``.
        x (float32): ``(N, *shape)`` in [0, 1], not predicted t.
        target (int64): ``(N,)``, class t of each instance.
        starts: further candidate points, each ``(N, *shape)`` in [0, 1]; those not predicted t are ignored.
    Returns:
        points float32 ``(N, *shape)``; bool ``(N,)``, whether a point of class t was found, where it was not, the
        point is the instance itself; float32 ``(N,)``, distance of the farthest candidate asked about.
    """
    best, found = x.clone(), torch.zeros(len(x), dtype=torch.bool)
    candidates = [*starts, _linear(logits, predict, x, target, norm, budget), _ddn(logits, x, target, norm, budget)]
    tried = torch.zeros(len(x))
    for candidate in candidates:
        tried = tried.maximum(lengths(candidate - x, norm))
        best, found = _nearer(predict, x, target, candidate, best, found, norm, budget.bisections)
    rows = torch.nonzero(found).flatten()
    for _ in range(budget.polish):
        if not len(rows):
            break
        before = best[rows]
        near, reached = before, found[rows]
        for candidate in _polished(logits, x[rows], target[rows], before, norm):
            near, reached = _nearer(predict, x[rows], target[rows], candidate, near, reached, norm, budget.bisections)
        best[rows] = near
        # What one step did not bring nearer the next one, which starts from the same place, will not either.
        rows = rows[(near != before).flatten(1).any(dim=1)]
    return best, found, tried


def margin_and_gradient(logits: Logits, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """m(x) = z_t - max over the others of z, and its gradient in x.

    Returns:
        float32 ``(N,)``, positive where class t leads, and float32 ``(N, *shape)``.
    """
    with torch.enable_grad():
        leaf = x.detach().requires_grad_(True)
        z = logits(leaf)
        column = target[:, None].to(z.device)
        m = z.gather(1, column)[:, 0] - z.scatter(1, column, -torch.inf).amax(dim=1)
        (gradient,) = torch.autograd.grad(m.sum(), leaf)
    return m.detach().cpu(), gradient.detach().cpu()


def _nearer(
    predict: Predict,
    x: Tensor,
    target: Tensor,
    candidate: Tensor,
    best: Tensor,
    found: Tensor,
    norm: Norm,
    halvings: int,
) -> tuple[Tensor, Tensor]:
    """Keep the candidate where the artefact puts it in t and it is nearer, after bisection towards x."""
    # Where a point is known, one look at a point a little nearer on the way to the candidate tells whether its
    # bisection is worth the while.
    size, best_size = lengths(candidate - x, norm), lengths(best - x, norm)
    share = torch.where(found, (GAIN * best_size / size.clamp_min(1e-12)).clamp(max=1), torch.ones_like(size))
    rows = torch.nonzero(~found | (size < FAR * best_size)).flatten()
    tried = torch.lerp(x[rows], candidate[rows], share[rows].view((-1,) + (1,) * (x.dim() - 1)))
    if len(rows):
        hit = predict(tried) == target[rows]
        rows, tried = rows[hit], tried[hit]
    if not len(rows):
        return best, found
    best, found = best.clone(), found.clone()
    best[rows] = _towards_source(predict, x[rows], tried, target[rows], halvings)
    found[rows] = True
    return best, found


def _towards_source(predict: Predict, x: Tensor, adversarial: Tensor, target: Tensor, halvings: int) -> Tensor:
    """The point nearest to x found on the segment that is still predicted t."""
    axes = (-1,) + (1,) * (x.dim() - 1)
    low, high = torch.zeros(len(x)), torch.ones(len(x))
    for _ in range(halvings):
        middle = (low + high) / 2
        inside = predict(torch.lerp(x, adversarial, middle.view(axes))) == target
        low, high = torch.where(inside, low, middle), torch.where(inside, middle, high)
    return torch.lerp(x, adversarial, high.view(axes))


def _linear(logits: Logits, predict: Predict, x: Tensor, target: Tensor, norm: Norm, budget: AttackBudget) -> Tensor:
    """DeepFool: repeat the smallest step that crosses the linearised boundary, a little beyond it."""
    point = x.clone()
    for _ in range(budget.linear):
        m, gradient = margin_and_gradient(logits, point, target)
        point = (point + 1.02 * box_step(point, gradient, -m + 1e-6, norm=norm)).clamp(0, 1)
    return point


def _ddn(logits: Logits, x: Tensor, target: Tensor, norm: Norm, budget: AttackBudget, gamma: float = 0.1) -> Tensor:
    """Decoupled direction and norm: the nearest adversarial iterate of a search whose radius adapts."""
    axes = (-1,) + (1,) * (x.dim() - 1)
    delta, point, best = torch.zeros_like(x), x, x.clone()
    nearest = torch.full((len(x),), torch.inf)
    m, gradient = margin_and_gradient(logits, x, target)
    first = box_step(x, gradient, -m + 1e-6, norm=norm)
    radius = lengths(first, norm).clamp_min(1e-6)
    for step in range(budget.ddn):
        if step:
            m, gradient = margin_and_gradient(logits, point, target)
        size = lengths(delta, norm)
        inside = m > 0
        better = torch.nonzero(inside & (size < nearest)).flatten()
        nearest[better], best[better] = size[better], point[better]
        rate = 0.5 * (1 + math.cos(math.pi * step / budget.ddn)) * 0.95 + 0.05
        if step:
            radius = radius * torch.where(inside, 1 - gamma * rate, 1 + gamma)
        if norm == "l2":
            pace = rate * radius / lengths(gradient, norm).clamp_min(1e-12)
            moved = torch.addcmul(delta, gradient, pace.view(axes))
            moved *= (radius / lengths(moved, norm).clamp_min(1e-12)).view(axes)
        else:
            moved = torch.addcmul(delta, gradient.sign(), (rate * radius).view(axes))
            moved = moved.clamp_(-radius.view(axes), radius.view(axes))
        point = moved.add_(x).clamp_(0, 1)
        delta = point - x
    return best


def _polished(logits: Logits, x: Tensor, target: Tensor, best: Tensor, norm: Norm) -> list[Tensor]:
    """Smallest steps from x that the boundary linearised at ``best`` asks for, with two overshoots."""
    m, gradient = margin_and_gradient(logits, best, target)
    needed = (gradient * (best - x)).flatten(1).sum(dim=1) - m
    step = box_step(x, gradient, needed, norm=norm)
    return [(x + overshoot * step).clamp(0, 1) for overshoot in (1.01, 1.1)]
