"""Constants, sequences and masks, and changes of type."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import builder, operator
from auditor.models.onnx.graph.signature import Compute, HostTensor, Integer, Integers
from auditor.models.onnx.graph.tensors import tensor_from_proto
from auditor.models.straight_through import straight_through as through


@builder("Constant")
def constant(node: Node) -> Compute:
    ((kind, value),) = node.attributes.items()
    if kind == "value":
        tensor = tensor_from_proto(value)
    elif kind in ("value_float", "value_floats"):
        tensor = torch.tensor(value, dtype=torch.float32)
    elif kind in ("value_int", "value_ints"):
        tensor = torch.tensor(value, dtype=torch.int64)
    else:
        raise node.unsupported(kind)
    return lambda: tensor


@operator("ConstantOfShape")
def constant_of_shape(input: Integers, *, value: Tensor | None = None) -> Tensor:
    return torch.zeros(input) if value is None else torch.full(input, value.item(), dtype=value.dtype)


@operator("Range")
def sequence(start: HostTensor, limit: HostTensor, delta: HostTensor) -> Tensor:
    return torch.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


@operator("EyeLike")
def eye_like(input: Tensor, *, dtype: torch.dtype | None = None, k: int = 0) -> Tensor:
    return torch.ones(input.shape, dtype=dtype or input.dtype, device=input.device).triu(k).tril(k)


@operator("OneHot")
def one_hot(indices: Tensor, depth: Integer, values: Tensor, *, axis: int = -1) -> Tensor:
    index = indices.long()
    inside = (index >= -depth) & (index < depth)
    hot = F.one_hot(index % depth, depth).bool() & inside.unsqueeze(-1)
    return torch.where(hot, values[1], values[0]).movedim(-1, axis)


@operator("Trilu")
def triangle(input: Tensor, k: Integer = 0, *, upper: bool = True) -> Tensor:
    return torch.triu(input, k) if upper else torch.tril(input, k)


@operator("Cast")
def cast(input: Tensor, *, to: torch.dtype, straight_through: bool = False) -> Tensor:
    """Marked as a step, whole numbers that become floats again stay floats in between, so that gradients pass."""
    if straight_through and input.is_floating_point():
        return through(lambda x: x.to(to).to(x.dtype), input)
    return input.to(to)


@operator("CastLike")
def cast_like(input: Tensor, target_type: Tensor) -> Tensor:
    return input.to(target_type.dtype)
