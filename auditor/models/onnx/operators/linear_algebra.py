"""Matrix products."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, elementwise, operator

elementwise("MatMul", torch.matmul)
elementwise("Det", torch.linalg.det)


@operator("Gemm")
def gemm(node: Node) -> Compute:
    """alpha * A' B' + beta * C, where ' transposes if asked."""
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    transpose_a, transpose_b = node.flag("transA"), node.flag("transB")
    bias = node.constants.get(2)
    if (alpha, beta, transpose_a) == (1.0, 1.0, False) and (
        len(node.inputs) == 2 or (bias is not None and bias.dim() == 1)
    ):
        return F.linear if transpose_b else lambda a, b, c=None: F.linear(a, b.t(), c)

    def product(a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
        y = alpha * ((a.t() if transpose_a else a) @ (b.t() if transpose_b else b))
        return y if c is None else y + beta * c

    return product


@operator("Einsum")
def einsum(node: Node) -> Compute:
    equation = node.text("equation", "").replace(" ", "")
    return lambda *terms: torch.einsum(equation, *terms)
