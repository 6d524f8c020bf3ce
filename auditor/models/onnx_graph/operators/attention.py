"""Attention as one operator (opset 23 and later), and rotary position embedding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx_graph.node import Node
from auditor.models.onnx_graph.registry import Compute, operator


@operator("Attention")
def attention(node: Node) -> Compute:
    """softmax(Q K' * scale + mask) V over ``(N, heads, T, E)`` or ``(N, T, heads * E)``; no caches."""
    if len(node.inputs) > 4 or any(node.wants(output) for output in (1, 2, 3)):
        raise node.unsupported("a cache or an inner output")
    if max(node.integer("left_window_size", -1), node.integer("right_window_size", -1)) >= 0:
        raise node.unsupported("a sliding window")
    causal, cap, scale = node.flag("is_causal"), node.number("softcap", 0.0), node.attributes.get("scale")
    q_heads, kv_heads = node.integer("q_num_heads", 0), node.integer("kv_num_heads", 0)

    def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        flat = q.dim() == 3
        if flat:
            q, k, v = _to_heads(q, q_heads), _to_heads(k, kv_heads), _to_heads(v, kv_heads)
        k, v = (t.repeat_interleave(q.shape[1] // t.shape[1], dim=1) for t in (k, v))
        bias = _bias(mask, causal, q, k)
        if cap > 0.0:
            y = _capped(q, k, v, bias, cap, q.shape[-1] ** -0.5 if scale is None else scale)
        else:
            y = F.scaled_dot_product_attention(q, k, v, bias, scale=scale)
        return y.transpose(1, 2).flatten(2) if flat else y

    return attend


def _to_heads(x: Tensor, heads: int) -> Tensor:
    """``(N, T, heads * E)`` to ``(N, heads, T, E)``."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


def _bias(mask: Tensor | None, causal: bool, q: Tensor, k: Tensor) -> Tensor | None:
    """What is added to the logits: 0 where a query may look, minus infinity elsewhere, or the mask's own values."""
    if mask is not None:
        mask = torch.where(mask, 0.0, -torch.inf).to(q.dtype) if mask.dtype == torch.bool else mask
        mask = F.pad(mask, (0, k.shape[2] - mask.shape[-1]), value=-torch.inf)
    if not causal:
        return mask
    future = q.new_full((q.shape[2], k.shape[2]), -torch.inf).triu(1)
    return future if mask is None else mask + future


def _capped(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, cap: float, scale: float) -> Tensor:
    """Attention whose logits are bent to within plus or minus ``cap`` before the mask."""
    logits = cap * torch.tanh(scale * q @ k.transpose(-1, -2) / cap)
    return torch.softmax(logits if bias is None else logits + bias, dim=-1) @ v


@operator("RotaryEmbedding")
def rotary_embedding(node: Node) -> Compute:
    """Rotate pairs of features by an angle that depends on the position."""
    heads, width = node.integer("num_heads", 0), node.integer("rotary_embedding_dim", 0)
    interleaved = node.flag("interleaved")

    def rotate(x: Tensor, cosine: Tensor, sine: Tensor, positions: Tensor | None = None) -> Tensor:
        flat = x.dim() == 3
        per_head = x.unflatten(2, (heads, -1)) if flat else x.transpose(1, 2)
        if positions is not None:
            cosine, sine = cosine[positions], sine[positions]
        rotated, rest = per_head[..., : width or None], per_head[..., width or per_head.shape[-1] :]
        half = rotated.shape[-1] // 2
        cosine, sine = cosine[..., :half].unsqueeze(2), sine[..., :half].unsqueeze(2)
        a, b = (rotated[..., ::2], rotated[..., 1::2]) if interleaved else rotated.split(half, dim=-1)
        real, imaginary = cosine * a - sine * b, sine * a + cosine * b
        joined = torch.stack([real, imaginary], -1).flatten(-2) if interleaved else torch.cat([real, imaginary], -1)
        y = torch.cat([joined, rest], dim=-1)
        return y.flatten(2) if flat else y.transpose(1, 2)

    return rotate
