"""Activation functions, softmax among them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, elementwise, operator

elementwise("Relu", torch.relu)
elementwise("Sigmoid", torch.sigmoid)
elementwise("Tanh", torch.tanh)
elementwise("Softplus", F.softplus)
elementwise("Softsign", F.softsign)
elementwise("HardSwish", F.hardswish)
elementwise("Mish", F.mish)


@operator("PRelu")
def prelu(node: Node) -> Compute:
    """Slopes broadcast from the last axis; before opset 7 a vector of them belongs to the channels."""

    def bent(x: Tensor, slope: Tensor) -> Tensor:
        if node.version < 7 and slope.dim() == 1:
            slope = slope.view(-1, *[1] * (x.dim() - 2))
        return torch.where(x >= 0, x, x * slope)

    return bent


@operator("LeakyRelu")
def leaky_relu(node: Node) -> Compute:
    alpha = node.number("alpha", 0.01)
    return lambda x: F.leaky_relu(x, alpha)


@operator("Elu")
def elu(node: Node) -> Compute:
    alpha = node.number("alpha", 1.0)
    return lambda x: F.elu(x, alpha)


@operator("Celu")
def celu(node: Node) -> Compute:
    alpha = node.number("alpha", 1.0)
    return lambda x: F.celu(x, alpha)


@operator("Selu")
def selu(node: Node) -> Compute:
    alpha, gamma = node.number("alpha", 1.6732632423543772), node.number("gamma", 1.0507009873554805)
    return lambda x: gamma * F.elu(x, alpha)


@operator("ThresholdedRelu")
def thresholded_relu(node: Node) -> Compute:
    alpha = node.number("alpha", 1.0)
    return lambda x: torch.where(x > alpha, x, 0.0)


@operator("HardSigmoid")
def hard_sigmoid(node: Node) -> Compute:
    alpha, beta = node.number("alpha", 0.2), node.number("beta", 0.5)
    return lambda x: torch.clamp(x * alpha + beta, 0.0, 1.0)


@operator("Swish")
def swish(node: Node) -> Compute:
    alpha = node.number("alpha", 1.0)
    return F.silu if alpha == 1.0 else lambda x: x * torch.sigmoid(alpha * x)


@operator("SwiGLU")
def swiglu(node: Node) -> Compute:
    alpha = node.number("alpha", 1.0)
    return lambda gate, x: gate * torch.sigmoid(alpha * gate) * x


@operator("Gelu")
def gelu(node: Node) -> Compute:
    approximate = node.text("approximate", "none")
    return lambda x: F.gelu(x, approximate=approximate)


@operator("Shrink")
def shrink(node: Node) -> Compute:
    bias, limit = node.number("bias", 0.0), node.number("lambd", 0.5)
    return lambda x: torch.where(x < -limit, x + bias, torch.where(x > limit, x - bias, torch.zeros_like(x)))


@operator("Softmax")
def softmax(node: Node) -> Compute:
    return _along_axis(node, torch.softmax)


@operator("LogSoftmax")
def log_softmax(node: Node) -> Compute:
    return _along_axis(node, torch.log_softmax)


@operator("Hardmax")
def hardmax(node: Node) -> Compute:
    def one_at_maximum(x: Tensor, dim: int) -> Tensor:
        return torch.zeros_like(x).scatter(dim, x.argmax(dim, keepdim=True), 1.0)

    return _along_axis(node, one_at_maximum)


def _along_axis(node: Node, function: Compute) -> Compute:
    """Apply a function along one axis; before opset 13 along that axis and all behind it, taken as one."""
    axis = node.integer("axis", -1 if node.version >= 13 else 1)
    if node.version >= 13:
        return lambda x: function(x, dim=axis)
    return lambda x: function(x.flatten(axis % x.dim()), dim=-1).reshape(x.shape)
