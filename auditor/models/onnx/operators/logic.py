"""Comparisons, logic, bits and choice between two tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, elementwise, operator
from auditor.models.onnx.graph.staircase import MARK
from auditor.models.straight_through import straight_through_step

elementwise("Equal", torch.eq)
elementwise("And", torch.logical_and)
elementwise("Or", torch.logical_or)
elementwise("Xor", torch.logical_xor)
elementwise("Not", torch.logical_not)
elementwise("BitwiseAnd", torch.bitwise_and)
elementwise("BitwiseOr", torch.bitwise_or)
elementwise("BitwiseXor", torch.bitwise_xor)
elementwise("BitwiseNot", torch.bitwise_not)
elementwise("IsNaN", torch.isnan)


def _comparison(name: str, function: Callable[[Tensor, Tensor], Tensor], rises: bool) -> None:
    """File a comparison; marked as a step it gives 0 or 1 as a float with the gradient of the difference."""

    @operator(name)
    def compare(node: Node) -> Compute:
        return partial(straight_through_step, function, rises) if node.flag(MARK) else function


_comparison("Greater", torch.gt, True)
_comparison("GreaterOrEqual", torch.ge, True)
_comparison("Less", torch.lt, False)
_comparison("LessOrEqual", torch.le, False)


@operator("Where")
def choose(node: Node) -> Compute:
    if not node.flag(MARK):
        return torch.where
    return lambda step, a, b: b + (a - b) * step if step.is_floating_point() else torch.where(step, a, b)


@operator("IsInf")
def is_infinite(node: Node) -> Compute:
    positive, negative = node.flag("detect_positive", True), node.flag("detect_negative", True)

    def which(x: Tensor) -> Tensor:
        return (torch.isposinf(x) & positive) | (torch.isneginf(x) & negative)

    return which


@operator("BitShift")
def shift_bits(node: Node) -> Compute:
    """Whole numbers times or divided by powers of two, cut to the bits of their type."""
    left = node.text("direction", "LEFT") == "LEFT"

    def shifted(x: Tensor, amount: Tensor) -> Tensor:
        return torch.bitwise_left_shift(x, amount) if left else torch.bitwise_right_shift(x, amount)

    return shifted
