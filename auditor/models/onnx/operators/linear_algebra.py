"""Matrix products."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.registry import as_in_torch, operator

as_in_torch(MatMul=torch.matmul, Det=torch.linalg.det)


@operator("Gemm")
def gemm(
    a: Tensor, b: Tensor, c: Tensor | None = None,
    *, alpha: float = 1.0, beta: float = 1.0, transA: bool = False, transB: bool = False,
) -> Tensor:  # fmt: skip
    """alpha * A' B' + beta * C, where ' transposes if asked."""
    if alpha == beta == 1.0 and not transA and (c is None or c.dim() == 1):
        return F.linear(a, b if transB else b.t(), c)
    y = alpha * ((a.t() if transA else a) @ (b.t() if transB else b))
    return y if c is None else y + beta * c


@operator("Einsum")
def einsum(*inputs: Tensor, equation: str) -> Tensor:
    return torch.einsum(equation.replace(" ", ""), *inputs)
