"""Fused operators of the domain ``com.microsoft``, which ONNX Runtime's own optimiser writes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx_graph.node import Node
from auditor.models.onnx_graph.registry import Compute, elementwise, operator

_MS = "com.microsoft"

elementwise("Gelu", F.gelu, domain=_MS)
elementwise("BiasGelu", lambda x, bias: F.gelu(x + bias), domain=_MS)


@operator("FastGelu", domain=_MS)
def fast_gelu(node: Node) -> Compute:
    return lambda x, bias=None: F.gelu(x if bias is None else x + bias, approximate="tanh")


@operator("QuickGelu", domain=_MS)
def quick_gelu(node: Node) -> Compute:
    alpha = node.number("alpha", 1.702)
    return lambda x: x * torch.sigmoid(alpha * x)


@operator("FusedMatMul", domain=_MS)
def fused_matmul(node: Node) -> Compute:
    """alpha * A' B', where ' transposes the last two axes if asked."""
    if node.flag("transBatchA") or node.flag("transBatchB"):
        raise node.unsupported("transposed batch axes")
    alpha, flip_a, flip_b = node.number("alpha", 1.0), node.flag("transA"), node.flag("transB")

    def product(a: Tensor, b: Tensor) -> Tensor:
        return alpha * (a.transpose(-1, -2) if flip_a else a) @ (b.transpose(-1, -2) if flip_b else b)

    return product


@operator("SkipLayerNormalization", domain=_MS)
def skip_layer_normalization(node: Node) -> Compute:
    """Layer normalisation of x + skip + bias; the fourth output is that sum."""
    if node.wants(1) or node.wants(2):
        raise node.unsupported("statistics as output")
    epsilon = node.number("epsilon", 1e-12)

    def normalise(
        x: Tensor, skip: Tensor, scale: Tensor, shift: Tensor | None = None, bias: Tensor | None = None
    ) -> tuple[Tensor | None, ...]:
        total = x + skip if bias is None else x + skip + bias
        return F.layer_norm(total, scale.shape, scale, shift, epsilon), None, None, total

    return normalise
