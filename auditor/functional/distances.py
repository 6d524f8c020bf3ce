"""Distances between instances: to a partner, to the nearest other one, to the nearest of another set.

Nearest neighbours are found by one matrix product for each block of rows, whose size bounds the memory; their distance
is then computed from the difference. The product alone loses the digits that matter between near-copies.
"""

from __future__ import annotations

import torch
from torch import Tensor

CELLS = 2**23
"""Numbers held at once (32 MiB of float32)."""


def l2(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distance of each instance to its partner.

    Args:
        x, y (float32): ``(N, *shape)``.
    Returns:
        float32 ``(N,)``.

    >>> l2(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]))
    tensor([5.])
    """
    return torch.linalg.vector_norm((x - y).flatten(1), dim=1)


def linf(x: Tensor, y: Tensor) -> Tensor:
    """Largest change of any one input; arguments as in ``l2``.

    >>> linf(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]))
    tensor([4.])
    """
    return largest((x - y).flatten(1))


def largest(d: Tensor) -> Tensor:
    """Largest magnitude in each row of ``(N, D)``, D >= 1; faster than torch's norm of order infinity."""
    return d.abs().amax(dim=1) if len(d) else d.new_zeros(0)


def neighbours_within(x: Tensor) -> tuple[Tensor, Tensor]:
    """L2 distance of each instance to the nearest other one of the same set, and which one; a copy is at 0.

    Args:
        x (float32): ``(N, *shape)``, N >= 2.
    Returns:
        float32 ``(N,)`` and int64 ``(N,)``.
    """
    assert len(x) >= 2, len(x)
    return _nearest(x.flatten(1), x.flatten(1), exclude_same_row=True)


def nearest_between(x: Tensor, y: Tensor) -> Tensor:
    """L2 distance of each instance of x to the nearest one of y.

    Args:
        x (float32): ``(N, *shape)``.
        y (float32): ``(M, *shape)``, M >= 1.
    Returns:
        float32 ``(N,)``.
    """
    assert len(y) >= 1, len(y)
    return _nearest(x.flatten(1), y.flatten(1), exclude_same_row=False)[0]


def _nearest(x: Tensor, y: Tensor, *, exclude_same_row: bool) -> tuple[Tensor, Tensor]:
    nearest = [torch.empty(0, dtype=torch.int64)]
    squares = y.square().sum(dim=1)
    size = max(1, CELLS // (y.shape[0] + 2 * y.shape[1]))
    for rows in torch.arange(len(x)).split(size):
        # |x - y|^2 without the term |x|^2, which does not change which y is nearest.
        order = torch.addmm(squares, x[rows], y.T, alpha=-2)
        if exclude_same_row:
            order[torch.arange(len(rows)), rows] = torch.inf
        nearest.append(order.argmin(dim=1))
    index = torch.cat(nearest)
    return l2(x, y[index]), index
