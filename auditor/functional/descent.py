"""Descents towards the nearest point of class t: linearise, step, let the steps shrink.

Both follow m(x + d) = z_t - max over the others of z, positive in class t, and keep the shortest d with m > 0.

- In L2 (FAB, arXiv 1907.02044): d is pulled towards zero by a factor a, then projected on the region that the linear
  models at hand leave, m + <g, d' - d> >= r. a rises from A_FIRST to A_LAST, so that the point first looks around and
  then settles; r, a share of the source's margin, falls, so that it settles from inside of t.
- In the maximum norm (FMN, arXiv 2102.12827): d moves along the gradient and is clipped at a radius; the radius is the
  one at which the linear model crosses the boundary, but changes by a share per step at most, and both the moves and
  that share shrink.

A descent leaves a running mean of gradients behind, and the next one, in the other norm, begins at the nearest point of
that linear model: so it begins near its own minimum, which takes half the steps.

Differences from the papers: g is a running mean of the gradients, because a network's gradient jumps at every kink
and the mean of both sides points along the valley between them; in L2 the last PLANES linear models count beside it, as
in bundle methods, each moved by its error at the current point, so that one that no longer holds does not bind;
targeted throughout; the maximum norm's moves go with the root of the gradient's magnitude, so that inputs with small
gradients reach the radius too; all steps respect the pixel box.

Everything lies on the device of the sources; a step makes the host wait for nothing but ``box_step``'s seldom looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from auditor.functional.distances import largest
from auditor.functional.gradients import gradient_of
from auditor.functional.projection import Norm, box_step, half_spaces

Logits = Callable[[Tensor], Tensor]

BEYOND, LINEAR = 1.05, 1
"""So many first steps from a source go this much farther than the linear boundary."""
A_FIRST, A_LAST = 0.15, 0.99
R_FIRST, R_LAST = 0.05, 0.0005
MEMORY_FIRST, MEMORY_LAST = 0.3, 0.8
"""Weight of the earlier gradients in the mean, in L2."""
PLANES = 3
"""Linear models that count in L2 beside the mean."""
MEMORY = 0.7
"""Weight of the earlier gradients in the maximum norm."""
MOVE_FIRST, MOVE_LAST = 0.7, 0.02
"""Mean move of an input as a share of the radius."""
CHANGE_FIRST, CHANGE_LAST = 0.2, 0.001
"""Largest change of the radius in a step, as a share of it."""


@dataclass(frozen=True)
class Descent:
    """Where a descent ended, or where one begins.

    Args:
        point: float32 ``(N, *shape)`` in [0, 1], the nearest of class t, the last one where none was.
        gradient: float32 ``(N, *shape)``, mean of the gradients; not finite where they were not.
        margin: float32 ``(N,)``, |m| of the source.
    """

    point: Tensor
    gradient: Tensor
    margin: Tensor

    def of(self, rows: Tensor) -> Descent:
        """Of some instances."""
        return Descent(self.point[rows], self.gradient[rows], self.margin[rows])

    def turned(self, x: Tensor, norm: Norm) -> Descent:
        """Where a descent in the other norm begins: the nearest point of the linear model on the boundary here.

        Where there is no such model it begins at the same point, and without a gradient.
        """
        usable = self.gradient.flatten(1).isfinite().all(dim=1)
        gradient = torch.where(column(usable, x), self.gradient, 0)
        c = torch.linalg.vecdot(gradient.flatten(1), (self.point - x).flatten(1))
        point = (x + box_step(x, gradient, c, norm=norm)).clamp(0, 1)
        return Descent(torch.where(column(c > 0, x), point, self.point), gradient, self.margin)


def lengths(d: Tensor, norm: Norm) -> Tensor:
    """Length of each step: float32 ``(N,)`` for ``(N, *shape)``."""
    flat = d.flatten(1)
    return torch.linalg.vector_norm(flat, dim=1) if norm == "l2" else largest(flat)


def column(values: Tensor, x: Tensor) -> Tensor:
    """One value for each instance, shaped to meet ``(N, *shape)``."""
    return values.view((-1,) + (1,) * (x.dim() - 1))


def margin_and_gradient(logits: Logits, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """m(x) = z_t - max over the others of z, and its gradient in x.

    Returns:
        float32 ``(N,)``, positive where class t leads, and float32 ``(N, *shape)``, on x's device.
    """
    with torch.enable_grad():
        leaf = x.detach().requires_grad_(True)
        z = logits(leaf)
        chosen = target[:, None]
        m = z.gather(1, chosen)[:, 0] - z.scatter(1, chosen, -torch.inf).amax(dim=1)
        of_m = gradient_of(m.sum(), leaf)
    return m.detach(), of_m.detach()


def descend(logits: Logits, x: Tensor, target: Tensor, begin: Descent | None, *, norm: Norm, steps: int) -> Descent:
    """A descent in one norm.

    Args:
        logits: differentiable, ``(n, *shape)`` to float32 ``(n, C)``.
        x (float32): ``(N, *shape)`` in [0, 1], the sources.
        target (int64): ``(N,)``, class t.
        begin: where; None begins at the sources.
        steps: gradients for each instance.
    """
    point = x if begin is None else begin.point
    margin = None if begin is None else begin.margin
    best, nearest = point.clone(), torch.full((len(x),), torch.inf, device=x.device)
    walk = (_Settling if norm == "l2" else _Clipped)(x, begin)
    for step in range(steps):
        m, gradient = margin_and_gradient(logits, point, target)
        margin = m.abs() if margin is None else margin
        distance = lengths(point - x, norm)
        nearer = (m > 0) & (distance < nearest)
        torch.where(column(nearer, x), point, best, out=best)
        nearest = torch.where(nearer, distance, nearest)
        walk.learn(point, m, gradient)
        if begin is None and step < LINEAR:
            point = (point + BEYOND * box_step(point, gradient, -m, norm=norm)).clamp(0, 1)
        elif step < steps - 1:
            point = walk.after(point, m, gradient, margin, nearest, step / steps)
    none = x.new_zeros(len(x))
    point = torch.where(column(nearest.isinf(), x), point, best)
    return Descent(point, walk.mean(), none if margin is None else margin)


class _Settling:
    """Steps in L2: pulled towards the source, then projected on what the linear models leave."""

    def __init__(self, x: Tensor, begin: Descent | None) -> None:
        self.x, self.sum = x, torch.zeros_like(x) if begin is None else begin.gradient.clone()
        self.weight = 0.0 if begin is None else 1.0
        self.memory, self.planes = MEMORY_FIRST, list[tuple[Tensor, Tensor, Tensor]]()

    def mean(self) -> Tensor:
        """Of the gradients."""
        return self.sum / self.weight if self.weight else self.sum

    def learn(self, point: Tensor, m: Tensor, gradient: Tensor) -> None:
        """Take in a linear model."""
        self.sum.mul_(self.memory).add_(gradient, alpha=1 - self.memory)
        self.weight = self.memory * self.weight + 1 - self.memory
        self.planes = [*self.planes, (point.flatten(1), m, gradient.flatten(1))][-PLANES:]

    def after(self, point: Tensor, m: Tensor, gradient: Tensor, margin: Tensor, nearest: Tensor, done: float) -> Tensor:
        """The next point.

        Args:
            done: share of the steps that are taken.
        """
        self.memory = MEMORY_FIRST + (MEMORY_LAST - MEMORY_FIRST) * done
        pulled = torch.lerp(self.x, point, A_FIRST + (A_LAST - A_FIRST) * done**0.6).flatten(1)
        missing = margin * R_FIRST * (R_LAST / R_FIRST) ** done - m
        normals, enough, here = [self.mean().flatten(1)], [missing], point.flatten(1)
        for at, value, normal in self.planes:
            error = value + torch.linalg.vecdot(normal, here - at) - m
            normals.append(normal)
            enough.append(missing - error.abs())
        back = here - pulled
        enough = [c + torch.linalg.vecdot(n, back) for n, c in zip(normals, enough, strict=True)]
        return half_spaces(pulled, normals, enough).view_as(point)


class _Clipped:
    """Steps in the maximum norm: along the gradient, clipped at a radius that adapts."""

    def __init__(self, x: Tensor, begin: Descent | None) -> None:
        self.x, self.sum = x, torch.zeros_like(x) if begin is None else begin.gradient / (1 - MEMORY)
        self.radius = x.new_zeros(len(x)) if begin is None else lengths(begin.point - x, "linf")

    def mean(self) -> Tensor:
        """Of the gradients."""
        return self.sum * (1 - MEMORY)

    def learn(self, point: Tensor, m: Tensor, gradient: Tensor) -> None:
        """Take in a gradient."""
        self.sum.mul_(MEMORY).add_(gradient)

    def after(self, point: Tensor, m: Tensor, gradient: Tensor, margin: Tensor, nearest: Tensor, done: float) -> Tensor:
        """The next point; arguments as in ``_Settling``."""
        falling = (1 + math.cos(math.pi * done)) / 2
        change = CHANGE_LAST + (CHANGE_FIRST - CHANGE_LAST) * falling
        way = self.sum.abs().sqrt_().copysign_(self.sum)
        way /= column(way.flatten(1).abs().mean(dim=1).clamp_min(1e-12), way)
        d = point - self.x
        size = largest(d.flatten(1))
        crossing = size - m / gradient.flatten(1).abs().sum(dim=1).clamp_min(1e-12)
        first = self.radius == 0
        bounded = crossing.clamp(self.radius * (1 - change), self.radius * (1 + change))
        self.radius = torch.where(first, crossing, bounded)
        self.radius = torch.where(m > 0, self.radius.minimum(nearest), self.radius).clamp(1e-6, 1)
        limit = column(self.radius, way)
        move = MOVE_LAST + (MOVE_FIRST - MOVE_LAST) * falling
        d = torch.addcmul(d, way, move * limit).clamp_(-limit, limit)
        return d.add_(self.x).clamp_(0, 1)
