"""Activation functions, softmax among them."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.registry import as_in_torch, operator
from auditor.models.onnx.graph.signature import Compute

as_in_torch(Relu=torch.relu, Sigmoid=torch.sigmoid, Tanh=torch.tanh)
as_in_torch(Softplus=F.softplus, Softsign=F.softsign, HardSwish=F.hardswish, Mish=F.mish)


@operator("PRelu", since=7)
def prelu(x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x >= 0, x, x * slope)


@operator("PRelu", until=6)
def prelu_by_channel(x: Tensor, slope: Tensor) -> Tensor:
    """A vector of slopes belongs to the channels; since opset 7 slopes broadcast from the last axis."""
    return prelu(x, slope.view(-1, *[1] * (x.dim() - 2)) if slope.dim() == 1 else slope)


@operator("LeakyRelu")
def leaky_relu(x: Tensor, *, alpha: float = 0.01) -> Tensor:
    return F.leaky_relu(x, alpha)


@operator("Elu")
def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return F.elu(x, alpha)


@operator("Celu")
def celu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return F.celu(x, alpha)


@operator("Selu")
def selu(x: Tensor, *, alpha: float = 1.6732632423543772, gamma: float = 1.0507009873554805) -> Tensor:
    return gamma * F.elu(x, alpha)


@operator("ThresholdedRelu")
def thresholded_relu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return torch.where(x > alpha, x, 0.0)


@operator("HardSigmoid")
def hard_sigmoid(x: Tensor, *, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    return torch.clamp(x * alpha + beta, 0.0, 1.0)


@operator("Swish")
def swish(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return F.silu(x) if alpha == 1.0 else x * torch.sigmoid(alpha * x)


@operator("SwiGLU")
def swiglu(a: Tensor, b: Tensor, *, alpha: float = 1.0) -> Tensor:
    return a * torch.sigmoid(alpha * a) * b


@operator("Gelu")
def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    return F.gelu(x, approximate=approximate)


@operator("Shrink")
def shrink(input: Tensor, *, bias: float = 0.0, lambd: float = 0.5) -> Tensor:
    shrunk = torch.where(input > lambd, input - bias, torch.zeros_like(input))
    return torch.where(input < -lambd, input + bias, shrunk)


def _one_at_maximum(x: Tensor, dim: int) -> Tensor:
    """1 at the first largest element along an axis, 0 elsewhere."""
    return torch.zeros_like(x).scatter(dim, x.argmax(dim, keepdim=True), 1.0)


def along_axis(function: Compute, input: Tensor, *, axis: int = -1) -> Tensor:
    """A function along one axis."""
    return function(input, dim=axis)


def along_axes(function: Compute, input: Tensor, *, axis: int = 1) -> Tensor:
    """A function along one axis and all behind it, taken as one: the standard's way before opset 13."""
    return function(input.flatten(axis % input.dim()), dim=-1).reshape(input.shape)


_ALONG: dict[str, Compute] = {"Softmax": torch.softmax, "LogSoftmax": torch.log_softmax, "Hardmax": _one_at_maximum}
for _name, _function in _ALONG.items():
    operator(_name, since=13)(partial(along_axis, _function))
    operator(_name, until=12)(partial(along_axes, _function))
