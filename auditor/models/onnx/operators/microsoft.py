"""Fused operators of the domain ``com.microsoft``, which ONNX Runtime's own optimiser writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import as_in_torch, operator
from auditor.models.onnx.graph.windows import Windows
from auditor.models.onnx.operators.activations import hard_sigmoid
from auditor.models.onnx.operators.convolution import convolution
from auditor.models.onnx.operators.linear_algebra import gemm

_MS = "com.microsoft"

as_in_torch(domain=_MS, Gelu=F.gelu)


@operator("BiasGelu", domain=_MS)
def bias_gelu(a: Tensor, b: Tensor) -> Tensor:
    return F.gelu(a + b)


@operator("FastGelu", domain=_MS)
def fast_gelu(x: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.gelu(x if bias is None else x + bias, approximate="tanh")


@operator("QuickGelu", domain=_MS)
def quick_gelu(x: Tensor, *, alpha: float = 1.702) -> Tensor:
    return x * torch.sigmoid(alpha * x)


Activation = Literal["", "Relu", "Sigmoid", "Tanh", "LeakyRelu", "Clip", "HardSigmoid"]
_ACTIVATIONS: dict[Activation, tuple[Callable[..., Tensor], int]] = {
    "": (lambda x: x, 0),
    "Relu": (torch.relu, 0),
    "Sigmoid": (torch.sigmoid, 0),
    "Tanh": (torch.tanh, 0),
    "LeakyRelu": (F.leaky_relu, 1),
    "Clip": (torch.clamp, 2),
    "HardSigmoid": (lambda x, alpha, beta: hard_sigmoid(x, alpha=alpha, beta=beta), 2),
}
"""What a fused node's activation computes, and how many of the node's parameters it takes."""


def _activated(x: Tensor, activation: Activation, parameters: Sequence[float]) -> Tensor:
    function, count = _ACTIVATIONS[activation]
    return function(x, *parameters[:count])


@operator("FusedConv", domain=_MS)
def fused_convolution(
    x: Tensor, w: Tensor, b: Tensor | None = None, z: Tensor | None = None,
    *, activation: Activation = "", activation_params: tuple[float, ...] = (), group: int = 1,
    windows: Windows,
) -> Tensor:  # fmt: skip
    """A convolution, a tensor added to it, and an activation."""
    y = convolution(x, w, b, group=group, windows=windows)
    return _activated(y if z is None else y + z, activation, activation_params)


@operator("FusedGemm", domain=_MS)
def fused_gemm(
    a: Tensor, b: Tensor, c: Tensor | None = None,
    *, activation: Activation = "", activation_alpha: float = 0.0, activation_beta: float = 0.0, alpha: float = 1.0,
    beta: float = 1.0, transA: bool = False, transB: bool = False,
) -> Tensor:  # fmt: skip
    y = gemm(a, b, c, alpha=alpha, beta=beta, transA=transA, transB=transB)
    return _activated(y, activation, (activation_alpha, activation_beta))


@operator(
    "MultiHeadAttention",
    domain=_MS,
    refuse=lambda node: "a mask or a cache" if any(node.inputs[4:]) or node.wants(1) or node.wants(2) else "",
)
def multi_head_attention(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None, *, num_heads: int, scale: float = 0.0
) -> Tensor:
    """Attention over ``(N, T, E)`` with an optional bias for queries, keys and values; no masks, no caches."""
    if bias is not None:
        parts = bias.split([q.shape[-1], k.shape[-1], v.shape[-1]])
        q, k, v = (x + part for x, part in zip((q, k, v), parts, strict=True))
    return _by_heads(q, k, v, num_heads, scale)


def _masked(node: Node) -> str:
    beyond = any(node.inputs[3:]) or node.wants(1) or node.flag("unidirectional") or node.flag("do_rotary")
    return "a mask, a cache or rotary embedding" if beyond else ""


@operator("Attention", domain=_MS, refuse=_masked)
def packed_attention(
    x: Tensor, weight: Tensor, bias: Tensor | None = None,
    *, num_heads: int, qkv_hidden_sizes: tuple[int, ...] = (), scale: float = 0.0,
) -> Tensor:  # fmt: skip
    """Self-attention with its projections: one weight for queries, keys and values; no masks, no caches."""
    projected = x @ weight if bias is None else x @ weight + bias
    q, k, v = projected.split(qkv_hidden_sizes or projected.shape[-1] // 3, dim=-1)
    return _by_heads(q, k, v, num_heads, scale)


def _by_heads(q: Tensor, k: Tensor, v: Tensor, heads: int, scale: float) -> Tensor:
    """Attention over ``(N, T, E)``, in as many heads; a scale of 0 stands for 1 / sqrt(E)."""
    q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, scale=scale or None).transpose(1, 2).flatten(2)


def _transposed_batches(node: Node) -> str:
    return "transposed batch axes" if node.flag("transBatchA") or node.flag("transBatchB") else ""


@operator("FusedMatMul", "TransposeMatMul", domain=_MS, refuse=_transposed_batches)
def fused_matmul(a: Tensor, b: Tensor, *, alpha: float = 1.0, transA: bool = False, transB: bool = False) -> Tensor:
    """alpha * A' B', where ' transposes the last two axes if asked."""
    return alpha * (a.transpose(-1, -2) if transA else a) @ (b.transpose(-1, -2) if transB else b)


@operator(
    "SkipLayerNormalization",
    domain=_MS,
    refuse=lambda node: "statistics as output" if node.wants(1) or node.wants(2) else "",
)
def skip_layer_normalization(
    x: Tensor, skip: Tensor, gamma: Tensor, beta: Tensor | None = None, bias: Tensor | None = None,
    *, epsilon: float = 1e-12,
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """Layer normalisation of x + skip + bias; the fourth output is that sum."""
    total = x + skip if bias is None else x + skip + bias
    return F.layer_norm(total, gamma.shape, gamma, beta, epsilon), None, None, total


@operator("SkipSimplifiedLayerNormalization", domain=_MS)
def skip_rms_normalization(
    x: Tensor, skip: Tensor, gamma: Tensor, bias: Tensor | None = None, *, epsilon: float = 1e-12
) -> tuple[Tensor | None, ...]:
    """Root-mean-square normalisation of x + skip + bias; the fourth output is that sum."""
    total = x + skip if bias is None else x + skip + bias
    return F.rms_norm(total, gamma.shape, gamma, epsilon), None, None, total
