"""Steps from a source to where two classes lead: in front the target, behind it the source's own class.

Let a(x) = z_t - z_s and b(x) = z_s - max over all other classes of z. Where both are positive t leads, s is second, and
the boundary that lies behind is that of s and t, not that of a third class. Both are taken as linear at x, and the
next point is x + d with the smallest d for which

    a(x) + <grad a, d> >= BEYOND * a(x)'s lack,   b likewise,   0 <= x + d <= 1,

lack meaning that each ends BEYOND - 1 of what it misses past zero (one that misses nothing only has to stay positive).

The linear step towards one class is DeepFool's (arXiv 1511.04599). Differences: targeted; the second condition, which
is what DeepDIG's Component II is for; inside the pixel box; no step longer than a given reach, because where a model is
flat the linear one points very far.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from auditor.functional.gradients import gradient_of
from auditor.functional.projection import box_step

Logits = Callable[[Tensor], Tensor]

BEYOND = 1.2
"""Steps go this much farther than the linear boundary, so that the walk arrives and does not only draw near."""
_TINY = 1e-12


@dataclass(frozen=True)
class Linear:
    """a and b at N points and their gradients: float32 ``(N,)`` and ``(N, D)``; b is infinite with two classes."""

    a: Tensor
    b: Tensor
    grad_a: Tensor
    grad_b: Tensor


def linearised(logits: Logits, x: Tensor, source: Tensor, target: Tensor) -> Linear:
    """a and b at x by one forward pass and two backward passes, one with two classes.

    Args:
        logits: differentiable, ``(n, *shape)`` to float32 ``(n, C)``.
        x (float32): ``(N, *shape)`` in [0, 1].
        source, target (int64): ``(N,)``, s and t.
    """
    pair = torch.stack([source, target], dim=1)
    with torch.enable_grad():
        leaf = x.detach().requires_grad_(True)
        z = logits(leaf)
        z_s, z_t = z.gather(1, pair).unbind(1)
        a, b = z_t - z_s, z_s - z.scatter(1, pair, -torch.inf).amax(dim=1)
        several = z.shape[1] > 2
        of_a = gradient_of(a.sum(), leaf, retain_graph=several)
        of_b = gradient_of(b.sum(), leaf) if several else torch.zeros_like(of_a)
    return Linear(a.detach(), b.detach(), of_a.flatten(1), of_b.flatten(1))


def pair_step(x: Tensor, at: Linear, reach: Tensor) -> Tensor:
    """The next points: the smallest step after which a and b are positive, by their linear models.

    Args:
        x (float32): ``(N, *shape)`` in [0, 1].
        at: a and b there.
        reach (float32): ``(N,)``, longest step.
    Returns:
        float32 ``(N, *shape)`` in [0, 1].
    """
    u, v = _multipliers(at)
    normal = u[:, None] * at.grad_a + v[:, None] * at.grad_b
    wanted = u * _lack(at.a) + torch.where(v > 0, v * _lack(at.b), 0)
    step = box_step(x.flatten(1), normal, wanted, norm="l2")
    step *= (reach / torch.linalg.vector_norm(step, dim=1).clamp_min(_TINY)).clamp_max(1)[:, None]
    return (x + step.view_as(x)).clamp(0, 1)


def _lack(value: Tensor) -> Tensor:
    """How much has to be gained; negative where something may be lost."""
    return torch.where(value < 0, -BEYOND * value, -value)


def _multipliers(at: Linear) -> tuple[Tensor, Tensor]:
    """u and v with d = u grad a + v grad b the smallest step that satisfies both, without the box: each ``(N,)``."""
    c_a, c_b = _lack(at.a), _lack(at.b)
    aa, bb = (of.square().sum(dim=1).clamp_min(_TINY) for of in (at.grad_a, at.grad_b))
    ab = torch.linalg.vecdot(at.grad_a, at.grad_b)
    only_a, only_b = c_a.clamp_min(0) / aa, c_b.clamp_min(0) / bb
    a_does, b_does = only_a * ab >= c_b, only_b * ab >= c_a
    determinant = (aa * bb - ab.square()).clamp_min(_TINY)
    both_a = ((c_a * bb - c_b * ab) / determinant).clamp_min(0)
    both_b = ((c_b * aa - c_a * ab) / determinant).clamp_min(0)
    zero = torch.zeros_like(aa)
    u = torch.where(a_does, only_a, torch.where(b_does, zero, both_a))
    v = torch.where(a_does, zero, torch.where(b_does, only_b, both_b))
    return u, v
