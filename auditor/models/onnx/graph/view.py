"""An ONNX graph as the walk of ``models.graphs`` sees it; its values are their names in the file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from auditor.documents.results import NotMeasured
from auditor.models.graphs import head
from auditor.models.graphs.head import Head
from auditor.models.graphs.view import Form, Kind, numbers_alike
from auditor.models.onnx.graph.graph import Body, Graph
from auditor.models.onnx.graph.tensors import tensor_from_proto

_MICROSOFT, _ML = "com.microsoft::", "ai.onnx.ml::"
_STEPPED_PRODUCT = {f"{_MICROSOFT}QGemm", "QLinearMatMul"}
"""Their first input is whole numbers, in steps of their second from the zero point in their third."""
_NAMES: dict[Kind, str] = {
    "same": "Identity Cast Reshape Unsqueeze Squeeze Expand Flatten",
    "rearranged": "Dropout Transpose Clip QuantizeLinear DequantizeLinear DynamicQuantizeLinear",
    "relu": "Relu",
    "pool": "GlobalAveragePool GlobalMaxPool AveragePool MaxPool ReduceMean",
    "add": "Add",
    "join": "Sum Mean",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "affine": "BatchNormalization",
    "linear": "Gemm MatMul MatMulInteger QLinearMatMul com.microsoft::FusedMatMul com.microsoft::QGemm "
    "com.microsoft::MatMulIntegerToFloat com.microsoft::DynamicQuantizeMatMul",
    "convolution": "Conv",
    "layer": "ConvInteger QLinearConv RNN GRU LSTM com.microsoft::FusedGemm com.microsoft::FusedConv",
    "softmax": "Softmax",
    "sigmoid": "Sigmoid",
    "log-softmax": "LogSoftmax",
    "bounded": "HardSigmoid Softplus Tanh Erf Softsign Hardmax com.microsoft::QLinearSigmoid "
    "com.microsoft::QLinearSoftmax com.microsoft::BiasSoftmax",
    "exp": "Exp",
    "log": "Log",
    "negate": "Neg",
    "reciprocal": "Reciprocal",
    "sum": "ReduceSum ReduceL1",
    "max": "ReduceMax",
    "log-sum-exp": "ReduceLogSumExp",
    "regressor": "ai.onnx.ml::LinearRegressor",
    "classifier": "ai.onnx.ml::LinearClassifier",
}
_KINDS: dict[str, Kind] = {name: kind for kind, names in _NAMES.items() for name in names.split()}


def find_head(graph: Graph) -> Head[str]:
    """The head of the classifier whose scores ``graph`` computes."""
    return head.find_head(OnnxView(graph), graph.output)


def bounded_output(graph: Graph) -> bool | None:
    """Whether the graph shows what could have put its scores into [0, 1]; see ``models.graphs.head``."""
    return head.bounded_output(OnnxView(graph), graph.output)


def steps_of(graph: Graph, embedding: str | NotMeasured) -> tuple[float, float] | None:
    """Scale and zero point of an embedding in whole numbers, which a quantised product reads; None for floats."""
    for node in graph.nodes:
        if node.op in _STEPPED_PRODUCT and node.inputs[0] == embedding:
            stored = [graph.tensors.get(name) for name in node.inputs[1:3]]
            if all(tensor is not None for tensor in stored):
                scale, zero = (float(tensor_from_proto(tensor).flatten()[0]) for tensor in stored if tensor is not None)
                return scale, zero
    return None


class OnnxView:
    """A ``GraphView`` of an ONNX graph.

    Args:
        graph: of the scores.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def kind(self, value: str) -> Kind:
        """The kind of a value's node; what it does beside its main work, in its attributes, counts."""
        node = self._graph.producers.get(value)
        if node is None:
            return "given"
        if "activation" in node.attributes:
            return "bounded" if "igmoid" in node.text("activation", "") else "other"
        if any(isinstance(attribute, Body) for attribute in node.attributes.values()):
            return "hidden"
        kind = _KINDS.get(node.op, "other")
        if node.text("post_transform", "NONE") != "NONE":
            return "classifier" if kind == "regressor" else "bounded" if kind == "other" else kind
        if node.op == f"{_ML}Normalizer" and node.text("norm", "MAX") == "L1":
            return "rows to 1"
        return "bounded" if kind == "other" and node.op.startswith(_ML) and node.op.endswith("Classifier") else kind

    def operator(self, value: str) -> str:
        """The operator's name, with its domain."""
        return self._graph.producers[value].op

    def inputs(self, value: str) -> Sequence[str]:
        """Names of the node's inputs, an absent one empty."""
        node = self._graph.producers.get(value)
        return () if node is None else node.inputs

    def varies(self, value: str) -> bool:
        """Whether a value is none of the parameters."""
        return value not in self._parameters

    def number(self, value: str) -> float:
        """The number that all elements of a constant are."""
        return numbers_alike(self._constant(value))

    def axes(self, value: str) -> list[int] | None:
        """The axes of a reduction, from its attribute or its second input."""
        node = self._graph.producers[value]
        stored = self._constant(node.inputs[1]) if len(node.inputs) > 1 else None
        return node.integers("axes") or (None if stored is None else [int(axis) for axis in stored.flatten().tolist()])

    def embedding(self, layer: str, pooled: bool) -> tuple[str, Form] | NotMeasured:
        """The floats that a product reads, averaged where it works on many tokens; see ``_before_convolution``."""
        node, kind = self._graph.producers[layer], self.kind(layer)
        if kind == "convolution":
            return self._before_convolution(layer, pooled)
        if kind != "linear":
            return node.inputs[0], "flat"
        before = self._graph.producers.get(node.inputs[0])
        # The whole numbers of dynamic quantisation have steps that differ from batch to batch.
        rounded = before is not None and before.op == "DynamicQuantizeLinear"
        source = before.inputs[0] if before is not None and rounded else node.inputs[0]
        return source, "mean over tokens" if pooled else "flat"

    def _before_convolution(self, layer: str, pooled: bool) -> tuple[str, Form] | NotMeasured:
        """A convolution as last layer: 1x1 over positions, or one that covers its whole input."""
        node = self._graph.producers[layer]
        weight = self._graph.tensors.get(node.inputs[1])
        kernel = node.integers("kernel_shape") or (list(weight.dims[2:]) if weight is not None else [])
        if kernel and all(size == 1 for size in kernel):
            return node.inputs[0], "mean over positions"
        if pooled:
            size = "x".join(str(size) for size in kernel)
            return NotMeasured(not_measured=f"the last layer is a {size} convolution over many positions")
        return node.inputs[0], "flat"

    @cached_property
    def _parameters(self) -> frozenset[str]:
        """Constants, and the scales and zero points that dynamic quantisation computes beside its values."""
        known = {"", *self._graph.constants}
        for node in self._graph.nodes:
            if node.op == "DynamicQuantizeLinear":
                known.update(node.outputs[1:])
            elif known.issuperset(node.inputs):
                known.update(node.outputs)
        return frozenset(known)

    def _constant(self, value: str) -> Tensor | None:
        """A stored tensor, or that of a node Constant."""
        while self.kind(value) == "same":
            value = self.inputs(value)[0]
        stored, node = self._graph.tensors.get(value), self._graph.producers.get(value)
        if stored is None and node is not None and node.op == "Constant":
            for attribute in ("value_float", "value_ints", "value_floats", "value_int"):
                if attribute in node.attributes:
                    return torch.tensor(node.attributes[attribute])
            stored = node.attributes.get("value")
        return None if stored is None else tensor_from_proto(stored)
