"""Element-wise arithmetic with broadcasting."""

from __future__ import annotations

from functools import partial, reduce

import torch
from torch import Tensor

from auditor.models.onnx.graph.registry import as_in_torch, operator
from auditor.models.onnx.graph.signature import Compute, Number
from auditor.models.straight_through import straight_through as through
from auditor.models.straight_through import straight_through_sign

as_in_torch(Add=torch.add, Sub=torch.sub, Mul=torch.mul, Neg=torch.neg, Reciprocal=torch.reciprocal)
as_in_torch(Abs=torch.abs, Exp=torch.exp, Log=torch.log, Sqrt=torch.sqrt, Erf=torch.erf)
as_in_torch(Sin=torch.sin, Cos=torch.cos, Tan=torch.tan, Asin=torch.asin, Acos=torch.acos, Atan=torch.atan)
as_in_torch(Sinh=torch.sinh, Cosh=torch.cosh, Asinh=torch.asinh, Acosh=torch.acosh, Atanh=torch.atanh)


def _rounded_off(function: Compute, x: Tensor, *, straight_through: bool = False) -> Tensor:
    """A step function, whose gradient is zero, or that of its argument where the node is marked as a step."""
    return through(function, x) if straight_through else function(x)


operator("Floor")(partial(_rounded_off, torch.floor))
operator("Ceil")(partial(_rounded_off, torch.ceil))
operator("Round")(partial(_rounded_off, torch.round))


@operator("Sign")
def sign(input: Tensor, *, straight_through: bool = False) -> Tensor:
    return straight_through_sign(input) if straight_through else torch.sign(input)


@operator("Div")
def divide(a: Tensor, b: Tensor) -> Tensor:
    return torch.div(a, b, rounding_mode=None if a.is_floating_point() else "trunc")


@operator("Pow")
def power(x: Tensor, y: Number) -> Tensor:
    """A known exponent is a Python number, so that torch squares instead of taking a logarithm."""
    return torch.pow(x, y).to(x.dtype)


@operator("Mod")
def modulo(a: Tensor, b: Tensor, *, fmod: bool = False) -> Tensor:
    return torch.fmod(a, b) if fmod else torch.remainder(a, b)


def _combined(function: Compute, *terms: Tensor) -> Tensor:
    return reduce(function, terms)


operator("Max")(partial(_combined, torch.maximum))
operator("Min")(partial(_combined, torch.minimum))
operator("Sum")(partial(_combined, torch.add))


@operator("Mean")
def mean(*terms: Tensor) -> Tensor:
    return reduce(torch.add, terms) / len(terms)


@operator("Clip")
def clip(input: Tensor, min: Number | None = None, max: Number | None = None) -> Tensor:
    """Where both limits are known they are Python numbers."""
    if not isinstance(min, Tensor) and not isinstance(max, Tensor):
        return input if min is None and max is None else torch.clamp(input, min, max)
    low, high = (None if limit is None else torch.as_tensor(limit).to(input) for limit in (min, max))
    input = input if low is None else torch.maximum(input, low)
    return input if high is None else torch.minimum(input, high)
