"""Descents towards the nearest point of class t: linearise, step, let the steps shrink.

Both follow m(x + d) = z_t - max over the others of z, positive in class t, and keep the shortest d with m > 0.

- In L2 (FAB, arXiv 1907.02044): d is pulled towards zero by a factor a, then projected on the linearised boundary
  m + <g, d' - d> = r. a rises from A_FIRST to A_LAST, so that the point first looks around and then settles; r, a share
  of the first margin, falls, so that it settles from inside of t.
- In the maximum norm (FMN, arXiv 2102.12827): d moves along the gradient and is clipped at a radius; the radius is the
  one at which the linear model crosses the boundary, but changes by a share per step at most, and both the moves and
  that share shrink.

Differences from the papers: g is a running mean of the gradients, because a network's gradient jumps at every kink
and the mean of both sides points along the valley between them; targeted throughout; the maximum norm's moves go with
the root of the gradient's magnitude, so that inputs with small gradients reach the radius too; all steps respect the
pixel box.

Everything lies on the device of the sources; a step makes the host wait for nothing but ``box_step``'s seldom looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from auditor.functional.distances import largest
from auditor.functional.projection import Norm, box_step

Logits = Callable[[Tensor], Tensor]

BEYOND = 1.05
"""First steps go this much farther than the linear boundary."""
LINEAR = {"l2": 1, "linf": 2}
"""How many first steps from a source are such."""
A_FIRST, A_LAST = 0.15, 0.99
R_FIRST, R_LAST = 0.3, 0.0005
MEMORY_FIRST, MEMORY_LAST = 0.3, 0.8
"""Weight of the earlier gradients in the mean, in L2."""
MEMORY = 0.7
"""The same in the maximum norm."""
MOVE_FIRST, MOVE_LAST = 1.0, 0.02
"""Mean move of an input as a share of the radius."""
CHANGE_FIRST, CHANGE_LAST = 0.2, 0.001
"""Largest change of the radius in a step, as a share of it."""


def lengths(d: Tensor, norm: Norm) -> Tensor:
    """Length of each step: float32 ``(N,)`` for ``(N, *shape)``."""
    flat = d.flatten(1)
    return torch.linalg.vector_norm(flat, dim=1) if norm == "l2" else largest(flat)


def margin_and_gradient(logits: Logits, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """m(x) = z_t - max over the others of z, and its gradient in x.

    Returns:
        float32 ``(N,)``, positive where class t leads, and float32 ``(N, *shape)``, on x's device.
    """
    with torch.enable_grad():
        leaf = x.detach().requires_grad_(True)
        z = logits(leaf)
        column = target[:, None]
        m = z.gather(1, column)[:, 0] - z.scatter(1, column, -torch.inf).amax(dim=1)
        (gradient,) = torch.autograd.grad(m.sum(), leaf)
    return m.detach(), gradient.detach()


def descend(logits: Logits, x: Tensor, target: Tensor, start: Tensor | None, *, norm: Norm, steps: int) -> Tensor:
    """The nearest point of class t on a descent; where none was of class t, its last point.

    Args:
        logits: differentiable, ``(n, *shape)`` to float32 ``(n, C)``.
        x (float32): ``(N, *shape)`` in [0, 1], the sources.
        target (int64): ``(N,)``, class t.
        start (float32): ``(N, *shape)`` in [0, 1], where to begin; None begins at the sources.
        steps: gradients for each instance.
    Returns:
        float32 ``(N, *shape)`` in [0, 1].
    """
    point = x if start is None else start
    best, nearest = point.clone(), torch.full((len(x),), torch.inf, device=x.device)
    walk = _Settling(x) if norm == "l2" else _Clipped(x)
    for step in range(steps):
        m, gradient = margin_and_gradient(logits, point, target)
        distance = lengths(point - x, norm)
        nearer = (m > 0) & (distance < nearest)
        torch.where(_column(nearer, x), point, best, out=best)
        nearest = torch.where(nearer, distance, nearest)
        if not step:
            walk.begin(m, distance)
        if start is None and step < LINEAR[norm]:
            point = (point + BEYOND * box_step(point, gradient, -m, norm=norm)).clamp(0, 1)
        else:
            point = walk.after(point, m, gradient, nearest, step / steps)
    return torch.where(_column(nearest.isinf(), x), point, best)


class _Settling:
    """Steps in L2: pulled towards the source, then projected on the linearised boundary."""

    def __init__(self, x: Tensor) -> None:
        self.x, self.mean, self.weight, self.scale = x, torch.zeros_like(x), 0.0, x.new_zeros(len(x))

    def begin(self, m: Tensor, distance: Tensor) -> None:
        self.scale = m.abs()

    def after(self, point: Tensor, m: Tensor, gradient: Tensor, nearest: Tensor, done: float) -> Tensor:
        """The next point.

        Args:
            done: share of the steps that are taken.
        """
        memory = MEMORY_FIRST + (MEMORY_LAST - MEMORY_FIRST) * done
        self.mean.mul_(memory).add_(gradient, alpha=1 - memory)
        self.weight = memory * self.weight + 1 - memory
        g, a = self.mean / self.weight, A_FIRST + (A_LAST - A_FIRST) * done
        missing = self.scale * R_FIRST * (R_LAST / R_FIRST) ** done - m
        missing += (1 - a) * torch.linalg.vecdot(g.flatten(1), (point - self.x).flatten(1))
        pulled = torch.lerp(self.x, point, a)
        return (pulled + box_step(pulled, g, missing, norm="l2")).clamp_(0, 1)


class _Clipped:
    """Steps in the maximum norm: along the gradient, clipped at a radius that adapts."""

    def __init__(self, x: Tensor) -> None:
        self.x, self.memory, self.radius = x, torch.zeros_like(x), x.new_zeros(len(x))

    def begin(self, m: Tensor, distance: Tensor) -> None:
        self.radius = distance

    def after(self, point: Tensor, m: Tensor, gradient: Tensor, nearest: Tensor, done: float) -> Tensor:
        """The next point; arguments as in ``_Settling``."""
        falling = (1 + math.cos(math.pi * done)) / 2
        change = CHANGE_LAST + (CHANGE_FIRST - CHANGE_LAST) * falling
        self.memory.mul_(MEMORY).add_(gradient)
        way = self.memory.abs().sqrt_().copysign_(self.memory)
        way /= _column(way.flatten(1).abs().mean(dim=1).clamp_min(1e-12), way)
        d = point - self.x
        size = largest(d.flatten(1))
        crossing = size - m / gradient.flatten(1).abs().sum(dim=1).clamp_min(1e-12)
        first = self.radius == 0
        bounded = crossing.clamp(self.radius * (1 - change), self.radius * (1 + change))
        self.radius = torch.where(first, crossing, bounded)
        self.radius = torch.where(m > 0, self.radius.minimum(nearest), self.radius).clamp(1e-6, 1)
        limit = _column(self.radius, way)
        move = MOVE_LAST + (MOVE_FIRST - MOVE_LAST) * falling
        d = torch.addcmul(d, way, move * limit).clamp_(-limit, limit)
        return d.add_(self.x).clamp_(0, 1)


def _column(values: Tensor, x: Tensor) -> Tensor:
    """One value for each instance, shaped to meet ``(N, *shape)``."""
    return values.view((-1,) + (1,) * (x.dim() - 1))
