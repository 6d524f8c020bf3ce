"""Element-wise arithmetic with broadcasting."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, elementwise, operator
from auditor.models.onnx.graph.staircase import MARK
from auditor.models.straight_through import straight_through, straight_through_sign

elementwise("Abs", torch.abs)
elementwise("Neg", torch.neg)
elementwise("Exp", torch.exp)
elementwise("Log", torch.log)
elementwise("Sqrt", torch.sqrt)
elementwise("Reciprocal", torch.reciprocal)
elementwise("Erf", torch.erf)
elementwise("Sin", torch.sin)
elementwise("Cos", torch.cos)
elementwise("Tan", torch.tan)
elementwise("Asin", torch.asin)
elementwise("Acos", torch.acos)
elementwise("Atan", torch.atan)
elementwise("Sinh", torch.sinh)
elementwise("Cosh", torch.cosh)
elementwise("Asinh", torch.asinh)
elementwise("Acosh", torch.acosh)
elementwise("Atanh", torch.atanh)
elementwise("Add", torch.add)
elementwise("Sub", torch.sub)
elementwise("Mul", torch.mul)


def _rounding(name: str, function: Callable[[Tensor], Tensor]) -> None:
    """File an operator whose gradient is zero, or that of its argument where it is marked as a step."""

    @operator(name)
    def round_off(node: Node) -> Compute:
        return partial(straight_through, function) if node.flag(MARK) else function


_rounding("Floor", torch.floor)
_rounding("Ceil", torch.ceil)
_rounding("Round", torch.round)


@operator("Sign")
def sign(node: Node) -> Compute:
    return straight_through_sign if node.flag(MARK) else torch.sign


@operator("Div")
def divide(node: Node) -> Compute:
    def quotient(a: Tensor, b: Tensor) -> Tensor:
        return torch.div(a, b, rounding_mode=None if a.is_floating_point() else "trunc")

    return quotient


@operator("Pow")
def power(node: Node) -> Compute:
    exponent = node.constants.get(1)
    if exponent is not None and exponent.numel() == 1 and exponent.dim() <= 1:
        number = exponent.item()  # a Python number lets torch square instead of taking a logarithm
        return lambda x, _: torch.pow(x, number).to(x.dtype)
    return lambda x, y: torch.pow(x, y).to(x.dtype)


@operator("Mod")
def modulo(node: Node) -> Compute:
    return torch.fmod if node.flag("fmod") else torch.remainder


@operator("Max")
def maximum(node: Node) -> Compute:
    return lambda *terms: functools.reduce(torch.maximum, terms)


@operator("Min")
def minimum(node: Node) -> Compute:
    return lambda *terms: functools.reduce(torch.minimum, terms)


@operator("Sum")
def total(node: Node) -> Compute:
    return lambda *terms: functools.reduce(torch.add, terms)


@operator("Mean")
def mean(node: Node) -> Compute:
    return lambda *terms: functools.reduce(torch.add, terms) / len(terms)


@operator("Clip")
def clip(node: Node) -> Compute:
    """Limits are attributes before opset 11 and inputs since; known limits become Python numbers."""
    if node.version < 11:
        low, high = node.attributes.get("min"), node.attributes.get("max")
    elif any(name and position not in node.constants for position, name in enumerate(node.inputs[1:], start=1)):
        return _clip_by_tensors
    else:
        low, high = (node.constants[i].item() if i in node.constants else None for i in (1, 2))
    if low is None and high is None:
        return lambda x, *_: x
    if low is not None and high is not None and low > high:
        return lambda x, *_: torch.full_like(x, high)
    return lambda x, *_: torch.clamp(x, low, high)


def _clip_by_tensors(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    x = x if low is None else torch.maximum(x, low)
    return x if high is None else torch.minimum(x, high)
