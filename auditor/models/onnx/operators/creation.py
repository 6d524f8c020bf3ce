"""Constants, sequences and masks, and changes of type."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from onnx import TensorProto
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, operator, python_integers
from auditor.models.onnx.graph.staircase import MARK
from auditor.models.onnx.graph.tensors import tensor_from_proto, torch_dtype
from auditor.models.straight_through import straight_through


@operator("Constant")
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


@operator("ConstantOfShape", host=(0,))
def constant_of_shape(node: Node) -> Compute:
    proto = node.attributes.get("value")
    value = torch.zeros(1) if proto is None else tensor_from_proto(proto)
    return lambda sizes: torch.full(python_integers(sizes), value.item(), dtype=value.dtype)


@operator("Range", host=(0, 1, 2))
def sequence(node: Node) -> Compute:
    return lambda start, limit, delta: torch.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


@operator("EyeLike")
def eye_like(node: Node) -> Compute:
    offset, wanted = node.integer("k", 0), node.attributes.get("dtype")

    def identity(x: Tensor) -> Tensor:
        ones = torch.ones(x.shape, dtype=x.dtype if wanted is None else torch_dtype(wanted), device=x.device)
        return ones.triu(offset).tril(offset)

    return identity


@operator("OneHot", host=(1,))
def one_hot(node: Node) -> Compute:
    axis = node.integer("axis", -1)

    def encoded(index: Tensor, depth: Tensor, values: Tensor) -> Tensor:
        classes = int(depth.item())
        index = index.long()
        inside = (index >= -classes) & (index < classes)
        hot = F.one_hot(index % classes, classes).bool() & inside.unsqueeze(-1)
        return torch.where(hot, values[1], values[0]).movedim(-1, axis)

    return encoded


@operator("Trilu", host=(1,))
def triangle(node: Node) -> Compute:
    keep = torch.triu if node.flag("upper", True) else torch.tril
    return lambda x, k=None: keep(x, 0 if k is None else int(k.item()))


@operator("Cast")
def cast(node: Node) -> Compute:
    wanted = torch_dtype(node.integer("to", TensorProto.UNDEFINED))
    if not node.flag(MARK):
        return lambda x: x.to(wanted)
    # Whole numbers that become floats again stay floats in between, so that gradients pass.
    return lambda x: straight_through(lambda y: y.to(wanted).to(y.dtype), x) if x.is_floating_point() else x.to(wanted)


@operator("CastLike")
def cast_like(node: Node) -> Compute:
    return lambda x, like: x.to(like.dtype)
