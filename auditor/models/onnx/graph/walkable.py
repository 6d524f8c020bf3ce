"""An ONNX graph as the walk of ``models.graphs`` sees it; its values are their names in the file."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from auditor.documents.results import NotMeasured
from auditor.models.graphs import head
from auditor.models.graphs.head import Head
from auditor.models.graphs.protocol import Form, Kind, Maker, numbers_alike
from auditor.models.onnx.graph.graph import Body, Graph
from auditor.models.onnx.graph.node import Node
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

    def maker(self, value: str) -> Maker[str]:
        """The node of a value; an absent input of it has an empty name."""
        node = self._graph.producers.get(value)
        if node is None:
            return Maker(value)
        kind = _kind(node)
        return Maker(value, kind, node.inputs, node.op, self._axes(node) if kind == "sum" else None)

    def varies(self, value: str) -> bool:
        """Whether a value is none of the parameters."""
        return value not in self._parameters

    def number(self, value: str) -> float:
        """The number that all elements of a constant are."""
        return numbers_alike(self._constant(value))

    def embedding(self, layer: Maker[str], pooled: bool) -> tuple[str, Form] | NotMeasured:
        """The floats that a product reads, averaged where it works on many tokens; what a convolution reads.

        A convolution as last layer is 1x1 over positions, or one that covers its whole input.
        """
        source = layer.inputs[0]
        if layer.kind == "convolution":
            weight = self._graph.tensors.get(layer.inputs[1])
            stated = self._graph.producers[layer.value].integers("kernel_shape")
            kernel = stated or (list(weight.dims[2:]) if weight is not None else [])
            if kernel and all(size == 1 for size in kernel):
                return source, "mean over positions"
            if pooled:
                size = "x".join(str(size) for size in kernel)
                return NotMeasured(not_measured=f"the last layer is a {size} convolution over many positions")
        if layer.kind != "linear":
            return source, "flat"
        before = self._graph.producers.get(source)
        # The whole numbers of dynamic quantisation have steps that differ from batch to batch.
        rounded = before is not None and before.op == "DynamicQuantizeLinear"
        return before.inputs[0] if before and rounded else source, "mean over tokens" if pooled else "flat"

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

    def _axes(self, reduction: Node) -> list[int] | None:
        """The axes of a reduction, from its attribute or its second input."""
        stored = self._constant(reduction.inputs[1]) if len(reduction.inputs) > 1 else None
        given = None if stored is None else [int(axis) for axis in stored.flatten().tolist()]
        return reduction.integers("axes") or given

    def _constant(self, value: str) -> Tensor | None:
        """A stored tensor, or that of a node Constant."""
        while (made := self.maker(value)).kind == "same":
            value = made.inputs[0]
        stored, node = self._graph.tensors.get(value), self._graph.producers.get(value)
        if stored is None and node is not None and node.op == "Constant":
            for attribute in ("value_float", "value_ints", "value_floats", "value_int"):
                if attribute in node.attributes:
                    return torch.tensor(node.attributes[attribute])
            stored = node.attributes.get("value")
        return None if stored is None else tensor_from_proto(stored)


def _kind(node: Node) -> Kind:
    """The kind of a node; what it does beside its main work, in its attributes, counts."""
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
