"""Gradients for operators whose own gradient is zero: rounding counts as the identity on the way back.

A model that rounds its input, or the coefficients of a transform of it, is a staircase: its gradient is zero almost
everywhere and leads nowhere, while its boundary lies where that of the model without the rounding lies, to within a
step. The forward pass is left as it is. Source: arXiv 1308.3432; as an attack on such models, arXiv 1802.00420.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def straight_through(round_off: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``round_off(x)``, exactly, with the gradient of x.

    >>> x = torch.tensor([0.4, 1.6], requires_grad=True)
    >>> torch.autograd.grad(straight_through(torch.round, x).sum(), x)[0]
    tensor([1., 1.])
    """
    return round_off(x.detach()) + _nothing(x)


def straight_through_sign(x: Tensor) -> Tensor:
    """The sign of x with the gradient of x in [-1, 1], as binarised networks are trained (arXiv 1602.02830)."""
    return x.detach().sign() + _nothing(x.clamp(-1, 1))


def straight_through_step(compare: Callable[[Tensor, Tensor], Tensor], rises: bool, a: Tensor, b: Tensor) -> Tensor:
    """Whether a and b compare so, as 0 or 1 with the gradient of a - b where that lies in [-1, 1].

    Args:
        compare: torch's comparison.
        rises: whether it comes true where a grows.
    Returns:
        float of the operands' dtype; bool where they are whole numbers.
    """
    holds = compare(a.detach(), b.detach())
    if not (a.is_floating_point() and b.is_floating_point()):
        return holds
    way = (a - b).clamp(-1, 1)
    return holds.to(way.dtype) + _nothing(way if rises else -way)


def _nothing(x: Tensor) -> Tensor:
    """Zeros with the gradient of x."""
    return x - x.detach()


def straight_round(x: Tensor) -> Tensor:
    """The nearest whole number, half to even."""
    return straight_through(torch.round, x)


def straight_floor(x: Tensor) -> Tensor:
    """The whole number below."""
    return straight_through(torch.floor, x)


def straight_ceil(x: Tensor) -> Tensor:
    """The whole number above."""
    return straight_through(torch.ceil, x)


def straight_trunc(x: Tensor) -> Tensor:
    """The whole number on the way to zero."""
    return straight_through(torch.trunc, x)


STEPS: dict[str, Callable[[Tensor], Tensor]] = {
    "aten::round": straight_round,
    "aten::floor": straight_floor,
    "aten::ceil": straight_ceil,
    "aten::trunc": straight_trunc,
    "aten::sign": straight_through_sign,
}
"""By the operator of torch that each takes the place of; graphs call them by name, so they are plain functions."""
