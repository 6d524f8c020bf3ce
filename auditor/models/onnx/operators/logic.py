"""Comparisons, logic, bits and choice between two tensors."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from auditor.models.onnx.graph.registry import as_in_torch, operator
from auditor.models.onnx.graph.signature import Compute
from auditor.models.straight_through import straight_through_step

as_in_torch(Equal=torch.eq, IsNaN=torch.isnan)
as_in_torch(And=torch.logical_and, Or=torch.logical_or, Xor=torch.logical_xor, Not=torch.logical_not)
as_in_torch(BitwiseAnd=torch.bitwise_and, BitwiseOr=torch.bitwise_or)
as_in_torch(BitwiseXor=torch.bitwise_xor, BitwiseNot=torch.bitwise_not)


def _comparison(function: Compute, rises: bool, a: Tensor, b: Tensor, *, straight_through: bool = False) -> Tensor:
    """A comparison; marked as a step it gives 0 or 1 as a float with the gradient of the difference."""
    return straight_through_step(function, rises, a, b) if straight_through else function(a, b)


operator("Greater")(partial(_comparison, torch.gt, True))
operator("GreaterOrEqual")(partial(_comparison, torch.ge, True))
operator("Less")(partial(_comparison, torch.lt, False))
operator("LessOrEqual")(partial(_comparison, torch.le, False))


@operator("Where")
def choose(condition: Tensor, x: Tensor, y: Tensor, *, straight_through: bool = False) -> Tensor:
    step = straight_through and condition.is_floating_point()
    return y + (x - y) * condition if step else torch.where(condition, x, y)


@operator("IsInf")
def is_infinite(x: Tensor, *, detect_negative: bool = True, detect_positive: bool = True) -> Tensor:
    return (torch.isposinf(x) & detect_positive) | (torch.isneginf(x) & detect_negative)


@operator("BitShift")
def shift_bits(x: Tensor, y: Tensor, *, direction: str) -> Tensor:
    """Whole numbers times or divided by powers of two, cut to the bits of their type."""
    return torch.bitwise_left_shift(x, y) if direction == "LEFT" else torch.bitwise_right_shift(x, y)
