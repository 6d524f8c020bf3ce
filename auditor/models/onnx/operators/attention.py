"""Attention as one operator (opset 23 and later), and rotary position embedding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.registry import operator


@operator("Attention")
def attention(
    q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, past_key: Tensor | None = None,
    past_value: Tensor | None = None, nonpad_kv_seqlen: Tensor | None = None,
    *, is_causal: bool = False, kv_num_heads: int = 0, left_window_size: int = -1, q_num_heads: int = 0,
    qk_matmul_output_mode: int = 0, right_window_size: int = -1, scale: float | None = None, softcap: float = 0.0,
    outputs: tuple[bool, ...],
) -> tuple[Tensor, ...]:  # fmt: skip
    """softmax(Q K' * scale + mask) V over ``(N, heads, T, E)`` or ``(N, T, heads * E)``.

    Results: the attended values, the keys and values with the cache in front, and the inner product at one stage.
    """
    flat = q.dim() == 3
    if flat:
        q, k, v = _to_heads(q, q_num_heads), _to_heads(k, kv_num_heads), _to_heads(v, kv_num_heads)
    k = k if past_key is None else torch.cat([past_key, k], dim=2)
    v = v if past_value is None else torch.cat([past_value, v], dim=2)
    past = 0 if past_key is None else past_key.shape[2]
    bias = _bias(q, k, attn_mask, past, nonpad_kv_seqlen, left_window_size, 0 if is_causal else right_window_size)
    keys, values = (t.repeat_interleave(q.shape[1] // t.shape[1], dim=1) for t in (k, v))
    if softcap == 0.0 and not any(outputs[3:]):
        lost = _lost_rows(bias)
        bias = bias if bias is None or lost is None else bias.masked_fill(lost, 0.0)
        y, inner = F.scaled_dot_product_attention(q, keys, values, bias, scale=scale), q
        y = y if lost is None else y.masked_fill(lost, 0.0)
    else:
        y, stages = _in_stages(q, keys, values, bias, softcap, q.shape[-1] ** -0.5 if scale is None else scale)
        inner = stages[qk_matmul_output_mode]
    return (y.transpose(1, 2).flatten(2) if flat else y), k, v, inner


def _to_heads(x: Tensor, heads: int) -> Tensor:
    """``(N, T, heads * E)`` to ``(N, heads, T, E)``."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


def _bias(
    q: Tensor, k: Tensor, mask: Tensor | None, past: int, valid: Tensor | None, left: int, right: int
) -> Tensor | None:
    """What is added to the logits: 0 where a query may look, minus infinity elsewhere, or the mask's own values."""
    if mask is not None:
        mask = torch.where(mask, 0.0, -torch.inf).to(q.dtype) if mask.dtype == torch.bool else mask
        mask = F.pad(mask, (0, k.shape[2] - mask.shape[-1]), value=-torch.inf)
    if left < 0 and right < 0 and valid is None:
        return mask
    key = torch.arange(k.shape[2], device=q.device)
    offset = torch.full((1, 1, 1, 1), past, device=q.device)
    if valid is not None:
        valid = valid.view(-1, 1, 1, 1)
        offset = offset if past else valid - q.shape[2]
    query = offset + torch.arange(q.shape[2], device=q.device).unsqueeze(1)
    seen = torch.ones_like(query + key, dtype=torch.bool)
    seen = seen if valid is None else seen & (key < valid)
    seen = seen if left < 0 else seen & (key >= query - left)
    seen = seen if right < 0 else seen & (key <= query + right)
    bias = torch.where(seen, 0.0, -torch.inf).to(q.dtype)
    return bias if mask is None else mask + bias


def _lost_rows(bias: Tensor | None) -> Tensor | None:
    """Queries that may look nowhere: their result is zero, and neither it nor its gradient may become NaN."""
    return None if bias is None else bias.isneginf().all(-1, keepdim=True)


def _in_stages(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, cap: float, scale: float
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Attention and its steps: product, cap (logits bent to within plus or minus ``cap``), mask, softmax."""
    product = scale * q @ k.transpose(-1, -2)
    capped = cap * torch.tanh(product / cap) if cap > 0.0 else product
    masked = capped if bias is None else capped + bias
    lost = _lost_rows(bias)
    weights = torch.softmax(masked if lost is None else masked.masked_fill(lost, 0.0), dim=-1)
    weights = weights if lost is None else weights.masked_fill(lost, 0.0)
    return weights @ v, (product, capped, masked, weights)


@operator("RotaryEmbedding")
def rotary_embedding(
    x: Tensor, cos_cache: Tensor, sin_cache: Tensor, position_ids: Tensor | None = None,
    *, interleaved: bool = False, num_heads: int = 0, rotary_embedding_dim: int = 0,
) -> Tensor:  # fmt: skip
    """Rotate pairs of features by an angle that depends on the position."""
    flat = x.dim() == 3
    per_head = x.unflatten(2, (num_heads, -1)) if flat else x.transpose(1, 2)
    cosine, sine = (c if position_ids is None else c[position_ids] for c in (cos_cache, sin_cache))
    width = rotary_embedding_dim or per_head.shape[-1]
    rotated, rest = per_head[..., :width], per_head[..., width:]
    half = rotated.shape[-1] // 2
    cosine, sine = cosine[..., :half].unsqueeze(2), sine[..., :half].unsqueeze(2)
    a, b = (rotated[..., ::2], rotated[..., 1::2]) if interleaved else rotated.split(half, dim=-1)
    real, imaginary = cosine * a - sine * b, sine * a + cosine * b
    joined = torch.stack([real, imaginary], -1).flatten(-2) if interleaved else torch.cat([real, imaginary], -1)
    y = torch.cat([joined, rest], dim=-1)
    return y.flatten(2) if flat else y.transpose(1, 2)
