"""Smallest step inside the pixel box that a linear model says is enough.

    min ||d||_p   subject to   <n, d> >= c   and   0 <= x + d <= 1        (p = 2 or infinity)

The solution is d = clip(lambda * n) for p = 2 and d = clip(lambda * sign(n)) for p = infinity, where clip keeps
x + d in the box. <n, d> grows with lambda, linearly between the lambdas at which a pixel meets the box, ever more
slowly. So Newton's steps from below never pass the solution and end in it after as many as there are pieces on the way,
a handful, with no call of the model. Source: Croce and Hein, arXiv 1907.02044, section 3.1 (FAB), which solves the same
problem by sorting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

Norm = Literal["l2", "linf"]
FARTHEST = 1e30
"""A lambda that moves every pixel to the box, and is finite."""
CLOSE = 1e-6
"""Relative change of lambda below which it is known."""
LOOKS = {"cpu": 1}
"""Newton's steps between two looks whether any lambda still changes, by device; a look stops the host elsewhere."""
SELDOM = 8
LEAST_FREE = 1e-3
"""Share of a normal's square that counts as free where the box has taken all of it."""


def box_step(x: Tensor, normal: Tensor, c: Tensor, *, norm: Norm, iterations: int = 48) -> Tensor:
    """The smallest step d with <normal, d> >= c that keeps x + d in [0, 1].

    Args:
        x (float32): ``(N, *shape)`` in [0, 1].
        normal (float32): ``(N, *shape)``.
        c (float32): ``(N,)``; no step is made where c <= 0.
        norm: which length of d is smallest.
        iterations: most of Newton's steps.
    Returns:
        float32 ``(N, *shape)``; the farthest step in the box where no step reaches c.
    """
    flat, n = x.flatten(1), normal.flatten(1)
    way = n if norm == "l2" else n.sign()
    # What a pixel adds to <n, d> for each unit of lambda, what it adds at the box, and the lambda at which it is there.
    rate, most = n * way, (n.clamp_min(0) - flat * n).clamp_min_(0)
    meets = most / rate
    size, chosen = torch.zeros_like(c), torch.empty_like(flat)
    every = LOOKS.get(x.device.type, SELDOM)
    for number in range(iterations):
        # Sums over some pixels by products with zeros and ones: a mask is slow on a CPU.
        missing = c - torch.linalg.vecdot(most, torch.le(meets, size[:, None], out=chosen))
        pace = torch.linalg.vecdot(rate, torch.gt(meets, size[:, None], out=chosen))
        # Without a free pixel the farthest step is all there is.
        after = torch.where(pace > 0, missing / pace, size).clamp_max(FARTHEST).maximum(size)
        # An instance whose lambda is known keeps it, so that it does not depend on which others are at hand.
        going = after > size * (1 + CLOSE)
        if number % every == every - 1 and not bool(going.any()):
            break
        size = torch.where(going, after, size)
    step = torch.addcmul(flat, size[:, None], way).clamp_(0, 1).sub_(flat)
    return step.mul_((c > 0)[:, None]).view_as(x)


def half_spaces(x: Tensor, normals: Sequence[Tensor], enough: Sequence[Tensor], *, sweeps: int = 2) -> Tensor:
    """About the nearest point y to x in the box with <n_k, y - x> >= c_k for every k, where there is one.

    y = clip(x + sum of lambda_k n_k) with lambda_k >= 0; each lambda in turn takes a Newton step of its own condition,
    which after many sweeps is Hildreth's method for the dual problem. Nothing makes the host wait.

    Args:
        x (float32): ``(N, D)``.
        normals (float32): ``(N, D)`` each, the most important first.
        enough (float32): c_k, ``(N,)`` each.
        sweeps: over all conditions.
    Returns:
        float32 ``(N, D)`` in [0, 1].
    """
    y = x.clone()
    squared = [torch.linalg.vecdot(n, n).clamp_min(1e-12) for n in normals]
    sizes = [torch.zeros_like(c) for c in enough]
    for _ in range(sweeps):
        for k in reversed(range(len(normals))):
            n = normals[k]
            missing = enough[k] - torch.linalg.vecdot(n, y.clamp(0, 1) - x)
            free = torch.linalg.vecdot(n * n, ((y > 0) & (y < 1)).to(n.dtype)).maximum(LEAST_FREE * squared[k])
            size = (sizes[k] + missing / free).clamp_min(0)
            y.addcmul_((size - sizes[k])[:, None], n)
            sizes[k] = size
    return y.clamp_(0, 1)
