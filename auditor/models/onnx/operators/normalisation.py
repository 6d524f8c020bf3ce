"""Normalisation layers in inference mode."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, operator


@operator("BatchNormalization")
def batch_normalization(node: Node) -> Compute:
    training = node.flag("training_mode")
    if training and 0 not in node.constants:  # over weights it standardises them; over data it depends on the batch
        raise node.unsupported("training_mode")
    if node.version < 9 and not node.flag("spatial", True):
        raise node.unsupported("spatial=0")
    epsilon = node.number("epsilon", 1e-5)

    def normalise(x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        if training:
            return F.batch_norm(x, None, None, scale, shift, True, 0.0, epsilon)
        return F.batch_norm(x, mean, variance, scale, shift, False, 0.0, epsilon)

    return normalise


@operator("InstanceNormalization")
def instance_normalization(node: Node) -> Compute:
    epsilon = node.number("epsilon", 1e-5)
    return lambda x, scale, shift: F.instance_norm(x, weight=scale, bias=shift, eps=epsilon)


@operator("GroupNormalization")
def group_normalization(node: Node) -> Compute:
    """Scale and shift are per group in opset 18 and per channel since 21."""
    groups, epsilon = node.integer("num_groups", 1), node.number("epsilon", 1e-5)

    def normalise(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        channels = x.shape[1]
        if node.version < 21 and scale.numel() != channels:
            scale, shift = (v.repeat_interleave(channels // groups) for v in (scale, shift))
        return F.group_norm(x, groups, scale, shift, epsilon)

    return normalise


@operator("LayerNormalization")
def layer_normalization(node: Node) -> Compute:
    axis, epsilon = node.integer("axis", -1), node.number("epsilon", 1e-5)
    statistics = node.wants(1) or node.wants(2)

    def normalise(x: Tensor, scale: Tensor, shift: Tensor | None = None) -> Tensor | tuple[Tensor, ...]:
        shape = x.shape[axis % x.dim() :]
        shift = None if shift is None else shift.expand(shape)
        y = F.layer_norm(x, shape, scale.expand(shape), shift, epsilon)
        if not statistics:
            return y
        over = tuple(range(axis % x.dim(), x.dim()))
        variance, mean = torch.var_mean(x, over, correction=0, keepdim=True)
        return y, mean, torch.rsqrt(variance + epsilon)

    return normalise


@operator("RMSNormalization", "SimplifiedLayerNormalization")
def rms_normalization(node: Node) -> Compute:
    """The second name is ONNX Runtime's, from before the standard had the operator."""
    axis, epsilon = node.integer("axis", -1), node.number("epsilon", 1e-5)

    def normalise(x: Tensor, scale: Tensor) -> Tensor:
        shape = x.shape[axis % x.dim() :]
        return F.rms_norm(x, shape, scale.expand(shape), epsilon)

    return normalise


@operator("LpNormalization")
def lp_normalization(node: Node) -> Compute:
    """x / |x|_p along one axis; a zero vector stays zero."""
    axis, p = node.integer("axis", -1), node.number("p", 2)

    def normalise(x: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(x, p, axis, keepdim=True)
        return x / torch.where(norm == 0, 1.0, norm)

    return normalise


@operator("MeanVarianceNormalization")
def mean_variance_normalization(node: Node) -> Compute:
    axes = tuple(node.integers("axes") or (0, 2, 3))

    def normalise(x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
        return (x - mean) / (variance.sqrt() + 1e-9)

    return normalise


@operator("LRN")
def local_response_normalization(node: Node) -> Compute:
    """x / (bias + alpha / size * sum of squares over neighbouring channels) ** beta."""
    size, bias = node.integer("size", 1), node.number("bias", 1.0)
    alpha, beta = node.number("alpha", 1e-4), node.number("beta", 0.75)
    before, behind = (size - 1) // 2, size // 2

    def normalise(x: Tensor) -> Tensor:
        squares = F.pad((x * x).flatten(2).unsqueeze(1), (0, 0, before, behind))
        mean = F.avg_pool2d(squares, (size, 1), 1).reshape(x.shape)
        return x / (bias + alpha * mean) ** beta

    return normalise


@operator("Dropout", host=(1, 2))
def dropout(node: Node) -> Compute:
    """The identity, as in every inference."""
    if 2 in node.constants and bool(node.constants[2]):
        raise node.unsupported("training_mode")
    return lambda x, *_: (x, torch.ones_like(x, dtype=torch.bool)) if node.wants(1) else x
