"""The last layers of a classifier, found by walking back from its scores.

    embedding -> last linear layer -> logits -> link (softmax, sigmoid or none) -> score

Gradients are taken of the logits, because a saturated softmax has none; the embedding is the input of the
last linear layer. A convolution as last layer counts, its input averaged over the positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from auditor.documents.results import NotMeasured
from auditor.models.onnx.graph.graph import Graph
from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.tensors import tensor_from_proto
from auditor.models.onnx.graph.written_softmax import written_out

Link = Literal["none", "softmax", "sigmoid"]
Form = Literal["flat", "mean over positions", "mean over tokens"]

_REARRANGE = {
    "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast", "Dropout", "Transpose", "Clip",
    "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear",
}  # fmt: skip
_COMBINE = {"Add", "Sub", "Mul", "Div", "Sum", "BatchNormalization"}
_JOIN = {"Add", "Sum", "Mean"}
_POOL = {"GlobalAveragePool", "GlobalMaxPool", "AveragePool", "MaxPool", "ReduceMean", "ReduceMax"}
_PRODUCT = {
    "Gemm", "MatMul", "com.microsoft::FusedMatMul", "MatMulInteger", "com.microsoft::MatMulIntegerToFloat",
    "com.microsoft::DynamicQuantizeMatMul",
}  # fmt: skip
_STEPPED_PRODUCT = {"com.microsoft::QGemm", "QLinearMatMul"}
"""Their first input is whole numbers, in steps of their second from the zero point in their third."""
_LINEAR_MODEL = {"ai.onnx.ml::LinearClassifier", "ai.onnx.ml::LinearRegressor"}


@dataclass(frozen=True)
class Head:
    """Where the interesting values of a classifier are, by their names in the file.

    Args:
        score: the class scores.
        logits: the scores before the link.
        link: what turns logits into scores.
        normalised: the rows of the scores are made to sum to 1, whatever the link.
        linear: the last linear layer was found.
        embedding: its input, or why there is none.
        form: how the embedding's tensor becomes ``(N, E)``.
        steps: scale and zero point of an embedding in whole numbers; None where it is in floats.
    """

    score: str
    logits: str
    link: Link
    normalised: bool
    linear: bool
    embedding: str | NotMeasured
    form: Form = "flat"
    steps: tuple[float, float] | None = None


def find_head(graph: Graph) -> Head:
    """The head of the classifier whose scores ``graph`` computes."""
    logits, link, normalised = _before_link(graph)
    found = _last_linear(graph, logits)
    if isinstance(found, NotMeasured):
        return Head(graph.output, logits, link, normalised, False, found)
    return Head(graph.output, logits, link, normalised, True, *found, steps=_steps(graph, found[0]))


def as_vectors(embedding: Tensor, form: Form) -> Tensor:
    """One vector for each instance.

    Args:
        embedding: ``(N, E)``, ``(N, E, H, W)``, ``(N, T, E)`` or any other ``(N, ...)``.
        form: which axes to average over; ``flat`` keeps every element.
    Returns:
        ``(N, E)``.
    """
    if form == "mean over positions" and embedding.dim() > 2:
        return embedding.flatten(2).mean(dim=2)
    if form == "mean over tokens" and embedding.dim() > 2:
        return embedding.flatten(1, -2).mean(dim=1)
    return embedding.flatten(1)


def _before_link(graph: Graph) -> tuple[str, Link, bool]:
    """The value before the last softmax or sigmoid, which of them it is, and whether rows sum to 1 behind it."""
    name, logarithm, normalised = graph.output, False, False
    while (node := graph.producers.get(name)) is not None:
        if node.op == "LogSoftmax" or (node.op == "Softmax" and logarithm):
            return node.inputs[0], "none", False
        if node.op == "Softmax":
            return node.inputs[0], "softmax", True
        if node.op == "Sigmoid" and not logarithm:
            return node.inputs[0], "sigmoid", normalised
        if node.op == "ai.onnx.ml::Normalizer" and node.text("norm", "MAX") == "L1":
            normalised = True
        elif node.op == "Log":
            logarithm = True
        elif (spelled := written_out(graph, node)) is not None:
            before, link = spelled
            return (before, "none", False) if logarithm else (before, link, normalised or link == "softmax")
        elif node.op not in _REARRANGE:
            break
        name = node.inputs[0]
    return graph.output, "none", normalised


def _last_linear(graph: Graph, logits: str, pooled: bool = False) -> tuple[str, Form] | NotMeasured:
    """The input of the last linear layer and its form, or the reason why the walk ended before one.

    Several heads whose scores are added or averaged, as after distillation, are one layer if they read one tensor.
    """
    name = logits
    parameters = _parameters(graph)
    while (node := graph.producers.get(name)) is not None:
        computed = [value for value in node.inputs if value and value not in parameters]
        if len(computed) > 1 and node.op in _JOIN:
            heads = [_last_linear(graph, value, pooled) for value in computed]
            if all(head == heads[0] and not isinstance(head, NotMeasured) for head in heads):
                return heads[0]
        if len(computed) != 1:
            return NotMeasured(not_measured=f"the last layers join two computed tensors in {node.op} ({name})")
        if node.op in _LINEAR_MODEL:
            return computed[0], "flat"
        if node.op in _PRODUCT | _STEPPED_PRODUCT and computed[0] == node.inputs[0]:
            return _before_rounding(graph, computed[0]), "mean over tokens" if pooled else "flat"
        if node.op == "Conv" and computed[0] == node.inputs[0]:
            return _before_convolution(graph, node, pooled)
        if node.op not in _REARRANGE | _COMBINE | _POOL | {"Relu"}:
            return NotMeasured(
                not_measured=f"no linear layer before {node.op} ({name}) on the way back from the scores"
            )
        pooled = pooled or node.op in _POOL
        name = computed[0]
    return NotMeasured(not_measured=f"no linear layer between the scores and the input {name}")


def _parameters(graph: Graph) -> frozenset[str]:
    """Constants, and the scales and zero points that dynamic quantisation computes beside its values."""
    known = {"", *graph.constants}
    for node in graph.nodes:
        if node.op == "DynamicQuantizeLinear":
            known.update(node.outputs[1:])
        elif known.issuperset(node.inputs):
            known.update(node.outputs)
    return frozenset(known)


def _before_rounding(graph: Graph, name: str) -> str:
    """The floats behind the whole numbers of dynamic quantisation, whose steps differ from batch to batch."""
    node = graph.producers.get(name)
    return node.inputs[0] if node is not None and node.op == "DynamicQuantizeLinear" else name


def _steps(graph: Graph, embedding: str) -> tuple[float, float] | None:
    """Scale and zero point of an embedding that a quantised product reads."""
    for node in graph.nodes:
        if node.op in _STEPPED_PRODUCT and node.inputs[0] == embedding:
            stored = [graph.tensors.get(name) for name in node.inputs[1:3]]
            if all(tensor is not None for tensor in stored):
                scale, zero = (float(tensor_from_proto(tensor).flatten()[0]) for tensor in stored if tensor is not None)
                return scale, zero
    return None


def _before_convolution(graph: Graph, node: Node, pooled: bool) -> tuple[str, Form] | NotMeasured:
    """A convolution as last layer: 1x1 over positions, or one that covers its whole input."""
    weight = graph.tensors.get(node.inputs[1])
    kernel = node.integers("kernel_shape") or (list(weight.dims[2:]) if weight is not None else [])
    if kernel and all(size == 1 for size in kernel):
        return node.inputs[0], "mean over positions"
    if pooled:
        size = "x".join(str(size) for size in kernel)
        return NotMeasured(not_measured=f"the last layer is a {size} convolution over many positions")
    return node.inputs[0], "flat"
