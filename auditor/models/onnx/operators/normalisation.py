"""Normalisation layers in inference mode."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import operator
from auditor.models.onnx.graph.signature import HostTensor


def _other_statistics(node: Node) -> str:
    if node.version < 9 and not node.flag("spatial", True):
        return "spatial=0"
    # Over weights it standardises them; over data it depends on the batch.
    return "training_mode" if node.flag("training_mode") and 0 not in node.constants else ""


@operator("BatchNormalization", refuse=_other_statistics)
def batch_normalization(
    x: Tensor, scale: Tensor, b: Tensor, input_mean: Tensor, input_var: Tensor,
    *, epsilon: float = 1e-5, training_mode: bool = False,
) -> Tensor:  # fmt: skip
    mean, variance = (None, None) if training_mode else (input_mean, input_var)
    return F.batch_norm(x, mean, variance, scale, b, training_mode, 0.0, epsilon)


@operator("InstanceNormalization")
def instance_normalization(input: Tensor, scale: Tensor, b: Tensor, *, epsilon: float = 1e-5) -> Tensor:
    return F.instance_norm(input, weight=scale, bias=b, eps=epsilon)


@operator("GroupNormalization", since=21)
def group_normalization(x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float = 1e-5, num_groups: int) -> Tensor:
    return F.group_norm(x, num_groups, scale, bias, epsilon)


@operator("GroupNormalization", until=20)
def group_normalization_18(x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float = 1e-5, num_groups: int) -> Tensor:
    """Scale and bias are per group."""
    times = x.shape[1] // scale.numel()
    return F.group_norm(x, num_groups, scale.repeat_interleave(times), bias.repeat_interleave(times), epsilon)


@operator("LayerNormalization")
def layer_normalization(
    x: Tensor, scale: Tensor, b: Tensor | None = None,
    *, axis: int = -1, epsilon: float = 1e-5, outputs: tuple[bool, ...],
) -> Tensor | tuple[Tensor, ...]:  # fmt: skip
    shape = x.shape[axis % x.dim() :]
    y = F.layer_norm(x, shape, scale.expand(shape), None if b is None else b.expand(shape), epsilon)
    if not any(outputs[1:]):
        return y
    over = tuple(range(axis % x.dim(), x.dim()))
    variance, mean = torch.var_mean(x, over, correction=0, keepdim=True)
    return y, mean, torch.rsqrt(variance + epsilon)


@operator("RMSNormalization", "SimplifiedLayerNormalization")
def rms_normalization(x: Tensor, scale: Tensor, *, axis: int = -1, epsilon: float = 1e-5) -> Tensor:
    """The second name is ONNX Runtime's, from before the standard had the operator."""
    shape = x.shape[axis % x.dim() :]
    return F.rms_norm(x, shape, scale.expand(shape), epsilon)


@operator("LpNormalization")
def lp_normalization(input: Tensor, *, axis: int = -1, p: int = 2) -> Tensor:
    """x / |x|_p along one axis; a zero vector stays zero."""
    norm = torch.linalg.vector_norm(input, p, axis, keepdim=True)
    return input / torch.where(norm == 0, 1.0, norm)


@operator("MeanVarianceNormalization")
def mean_variance_normalization(x: Tensor, *, axes: tuple[int, ...] = (0, 2, 3)) -> Tensor:
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return (x - mean) / (variance.sqrt() + 1e-9)


@operator("LRN")
def local_response_normalization(
    x: Tensor, *, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int
) -> Tensor:
    """x / (bias + alpha / size * sum of squares over neighbouring channels) ** beta."""
    squares = F.pad((x * x).flatten(2).unsqueeze(1), (0, 0, (size - 1) // 2, size // 2))
    mean = F.avg_pool2d(squares, (size, 1), 1).reshape(x.shape)
    return x / (bias + alpha * mean) ** beta


@operator("Dropout", refuse=lambda node: "training_mode" if 2 in node.constants and bool(node.constants[2]) else "")
def dropout(
    data: Tensor, ratio: HostTensor | None = None, training_mode: HostTensor | None = None, *, outputs: tuple[bool, ...]
) -> Tensor | tuple[Tensor, Tensor]:
    """The identity, as in every inference."""
    return (data, torch.ones_like(data, dtype=torch.bool)) if any(outputs[1:]) else data
