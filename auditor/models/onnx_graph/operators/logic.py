"""Comparisons, logic, bits and choice between two tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.models.onnx_graph.node import Node
from auditor.models.onnx_graph.registry import Compute, elementwise, operator

elementwise("Equal", torch.eq)
elementwise("Greater", torch.gt)
elementwise("GreaterOrEqual", torch.ge)
elementwise("Less", torch.lt)
elementwise("LessOrEqual", torch.le)
elementwise("And", torch.logical_and)
elementwise("Or", torch.logical_or)
elementwise("Xor", torch.logical_xor)
elementwise("Not", torch.logical_not)
elementwise("BitwiseAnd", torch.bitwise_and)
elementwise("BitwiseOr", torch.bitwise_or)
elementwise("BitwiseXor", torch.bitwise_xor)
elementwise("BitwiseNot", torch.bitwise_not)
elementwise("IsNaN", torch.isnan)
elementwise("Where", torch.where)


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
