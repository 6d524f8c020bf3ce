"""Whether anything behind the last layer of an ONNX graph could have put its scores into [0, 1].

One column of numbers between 0 and 1 may be the probability of the second of two classes, or a regressor whose
targets happen to lie there. A classifier's graph shows a sigmoid, or what one is made of; a regressor's does not.
"""

from __future__ import annotations

from auditor.models.onnx.graph.graph import Body, Graph
from auditor.models.onnx.graph.node import Node

_SQUASHING = {
    "Sigmoid", "HardSigmoid", "Softmax", "LogSoftmax", "Softplus", "Tanh", "Exp", "Erf", "Softsign", "Hardmax",
    "com.microsoft::QLinearSigmoid", "com.microsoft::QLinearSoftmax", "com.microsoft::BiasSoftmax",
}  # fmt: skip
_LAYERS = {
    "Gemm", "MatMul", "Conv", "ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul", "RNN", "GRU", "LSTM",
    "com.microsoft::FusedMatMul", "com.microsoft::FusedGemm", "com.microsoft::FusedConv", "com.microsoft::QGemm",
    "com.microsoft::MatMulIntegerToFloat", "com.microsoft::DynamicQuantizeMatMul",
}  # fmt: skip


def is_squashed(graph: Graph) -> bool | None:
    """Whether a sigmoid, a softmax or a part of one stands between the scores and the layers before them.

    None where the graph does not show it, because a branch or a loop stands there.
    """
    seen, pending, hidden = set[str](), [graph.output], False
    while pending:
        node = graph.producers.get(pending.pop())
        if node is None or _is_plain_layer(node):
            continue
        if node.op in _SQUASHING or _squashes_by_itself(node):
            return True
        hidden = hidden or any(isinstance(value, Body) for value in node.attributes.values())
        fresh = [name for name in node.inputs if name and name not in seen]
        seen.update(fresh)
        pending.extend(fresh)
    return None if hidden else False


def _is_plain_layer(node: Node) -> bool:
    return node.op in _LAYERS and "activation" not in node.attributes


def _squashes_by_itself(node: Node) -> bool:
    """Classifiers of the machine learning domain, and regressors with a transformation at their end."""
    if "activation" in node.attributes:
        return "igmoid" in node.text("activation", "")
    classifies = node.op.startswith("ai.onnx.ml::") and node.op.endswith("Classifier")
    return classifies or node.text("post_transform", "NONE") != "NONE"
