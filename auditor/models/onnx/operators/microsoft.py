"""Fused operators of the domain ``com.microsoft``, which ONNX Runtime's own optimiser writes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, elementwise, operator
from auditor.models.onnx.operators.convolution import convolution
from auditor.models.onnx.operators.linear_algebra import gemm

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


@operator("FusedConv", domain=_MS)
def fused_convolution(node: Node) -> Compute:
    """A convolution, a tensor added to it, and an activation."""
    convolve, activate = convolution(node), _activation(node, node.numbers("activation_params") or [])

    def fused(x: Tensor, weight: Tensor, bias: Tensor | None = None, added: Tensor | None = None) -> Tensor:
        y = convolve(x, weight, bias)
        return activate(y if added is None else y + added)

    return fused


@operator("FusedGemm", domain=_MS)
def fused_gemm(node: Node) -> Compute:
    names = ("activation_alpha", "activation_beta")
    product, activate = gemm(node), _activation(node, [node.number(name, 0.0) for name in names])
    return lambda a, b, c=None: activate(product(a, b, c))


def _activation(node: Node, parameters: list[float]) -> Compute:
    """The activation that a fused node names."""
    plain: dict[str, Compute] = {"Relu": torch.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh}
    name = node.text("activation", "")
    if name in plain:
        return plain[name]
    if name == "LeakyRelu":
        return lambda x: F.leaky_relu(x, parameters[0])
    if name == "Clip":
        return lambda x: x.clamp(parameters[0], parameters[1])
    if name == "HardSigmoid":
        return lambda x: (parameters[0] * x + parameters[1]).clamp(0.0, 1.0)
    if name:
        raise node.unsupported(f"activation {name}")
    return lambda x: x


@operator("MultiHeadAttention", domain=_MS)
def multi_head_attention(node: Node) -> Compute:
    """Attention over ``(N, T, E)`` with an optional bias for queries, keys and values; no masks, no caches."""
    if any(node.inputs[4:]) or any(node.wants(output) for output in (1, 2)):
        raise node.unsupported("a mask or a cache")
    heads, scale = node.integer("num_heads", 1), node.number("scale", 0.0) or None

    def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
        if bias is not None:
            parts = bias.split([q.shape[-1], k.shape[-1], v.shape[-1]])
            q, k, v = (x + part for x, part in zip((q, k, v), parts, strict=True))
        return _by_heads(q, k, v, heads, scale)

    return attend


@operator("Attention", domain=_MS)
def packed_attention(node: Node) -> Compute:
    """Self-attention with its projections: one weight for queries, keys and values; no masks, no caches."""
    if any(node.inputs[3:]) or node.wants(1) or node.flag("unidirectional") or node.flag("do_rotary"):
        raise node.unsupported("a mask, a cache or rotary embedding")
    heads, sizes, scale = node.integer("num_heads", 1), node.integers("qkv_hidden_sizes"), node.number("scale", 0.0)

    def attend(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        projected = x @ weight if bias is None else x @ weight + bias
        q, k, v = projected.split(sizes or projected.shape[-1] // 3, dim=-1)
        return _by_heads(q, k, v, heads, scale or None)

    return attend


def _by_heads(q: Tensor, k: Tensor, v: Tensor, heads: int, scale: float | None) -> Tensor:
    """Attention over ``(N, T, E)``, in as many heads."""
    q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, scale=scale).transpose(1, 2).flatten(2)


@operator("FusedMatMul", "TransposeMatMul", domain=_MS)
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


@operator("SkipSimplifiedLayerNormalization", domain=_MS)
def skip_rms_normalization(node: Node) -> Compute:
    """Root-mean-square normalisation of x + skip + bias; the fourth output is that sum."""
    epsilon = node.number("epsilon", 1e-12)

    def normalise(x: Tensor, skip: Tensor, scale: Tensor, bias: Tensor | None = None) -> tuple[Tensor | None, ...]:
        total = x + skip if bias is None else x + skip + bias
        return F.rms_norm(total, scale.shape, scale, epsilon), None, None, total

    return normalise
