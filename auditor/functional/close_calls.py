"""Which classes of a fast route that errs a little can be believed, and which have to be asked again.

Let i be the leading class by the fast logits z', and its margin by either route

    m' = z'_i - max over j != i of z'_j >= 0,        m = z_i - max over j != i of z_j

Where |m' - m| <= B and m' > B, m is positive: both routes have the same leader. So with a bound B on how far the routes
lie apart, only points of m' <= B need the exact route. B cannot be known beforehand; it is measured on some of the very
points, and is several times the largest difference seen there.

Margins count up to ``FAR`` alone: a class that far behind does not come near, and a softmax in float32 has lost its
logit's last digits.
"""

from __future__ import annotations

import torch
from torch import Tensor

FACTOR = 4.0
"""The bound as a multiple of the largest difference seen."""
FAR = 8.0
FLOOR = 1e-3
"""Least bound as a share of the largest margin seen: a sample may agree by chance."""


def leader(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The leading class of each row, and its lead.

    Args:
        logits (float32): ``(N, C)``, C >= 2.
    Returns:
        int64 ``(N,)`` and float32 ``(N,)``, >= 0; NaN where the row is not finite.

    >>> leader(torch.tensor([[1.0, 3.0, 2.5]]))
    (tensor([1]), tensor([0.5000]))
    """
    classes = logits.argmax(dim=1)
    lead = margin(logits, classes)
    return classes, torch.where(logits.isfinite().all(dim=1), lead, torch.nan)


def margin(logits: Tensor, classes: Tensor) -> Tensor:
    """Logit of one class of each row less the largest of the others: float32 ``(N,)``."""
    column = classes[:, None]
    return logits.gather(1, column)[:, 0] - logits.scatter(1, column, -torch.inf).amax(dim=1)


def difference(fast: Tensor, exact: Tensor) -> Tensor:
    """|m' - m| of each instance: float32 ``(N,)``, infinite where either is no number.

    Args:
        fast, exact (float32): ``(N, C)``, logits of the same instances by both routes.
    """
    classes, lead = leader(fast)
    apart = (lead.clamp(-FAR, FAR) - margin(exact, classes).clamp(-FAR, FAR)).abs()
    return torch.where(apart.isnan(), torch.inf, apart)


def bound(fast: Tensor, exact: Tensor) -> float:
    """B, from both routes' logits of some of the points; infinite where they have nothing to do with each other.

    Args:
        fast, exact (float32): ``(N, C)``, N >= 1.
    """
    largest, lead = torch.stack([difference(fast, exact).amax(), leader(fast)[1].nan_to_num(0).amax()]).tolist()
    value = max(FACTOR * largest, FLOOR * min(lead, FAR))
    return value if value < FAR / 2 else float("inf")


def close(lead: Tensor, bound: float) -> Tensor:
    """Whether each lead is too small to be believed: bool ``(N,)``; one that is no number is."""
    return ~(lead > bound)
