"""Which operators of a graph are steps on the way from the input to the scores, so that their gradient is a stand-in.

Rounding, truncating and comparing have gradient zero almost everywhere. Where what they make goes on as a number, the
twin lets gradients pass (``auditor.models.straight_through``): those nodes are marked here, operators read the mark.
Where they serve a gradient that is right without them, they stay as they are: ``x - floor(x)``, an index, and a mask
that gates a computed value, such as ``x * (x > 0)``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from onnx import TensorProto

from auditor.models.onnx.graph.graph import Graph
from auditor.models.onnx.graph.node import Node

MARK = "straight_through"
"""Attribute of a marked node; no operator of the standard has one of that name."""
ROUNDING, COMPARISONS = {"Round", "Floor", "Ceil"}, {"Greater", "GreaterOrEqual", "Less", "LessOrEqual"}
_FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16}
_WHOLE = {
    TensorProto.UINT8, TensorProto.INT8, TensorProto.UINT16, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64,
    TensorProto.UINT32, TensorProto.UINT64,
}  # fmt: skip
_MOVES = {"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose"}


def marked(graph: Graph) -> Graph:
    """The graph with its steps marked; the graph itself where it has none."""
    walk = _Walk(graph)
    nodes = [
        replace(node, attributes={**node.attributes, MARK: 1}) if walk.steps(node) else node for node in graph.nodes
    ]
    if nodes == list(graph.nodes):
        return graph
    steps = {name for node in nodes if node.op in COMPARISONS and node.flag(MARK) for name in node.outputs}
    nodes = [
        replace(node, attributes={**node.attributes, MARK: 1})
        if node.op == "Where" and node.inputs[0] in steps
        else node
        for node in nodes
    ]
    return replace(graph, nodes=tuple(nodes))


def has_steps(graph: Graph) -> bool:
    """Whether any node of the graph is marked."""
    return any(node.flag(MARK) for node in graph.nodes)


class _Walk:
    """Looks from a node to those that read it."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._readers = defaultdict[str, list[Node]](list)
        for node in graph.nodes:
            for name in node.inputs:
                self._readers[name].append(node)

    def steps(self, node: Node) -> bool:
        """Whether a node is a step that goes on as a number."""
        if all(name in self._graph.constants for name in node.inputs if name):
            return False
        if node.op in ROUNDING:
            return not any(reader.op == "Sub" and node.inputs[0] in reader.inputs for reader in self._after(node))
        if node.op == "Sign":
            return not self._gates(node)
        if node.op == "Cast" and node.integer("to", 0) in _WHOLE:
            return all(map(_to_float, self._after(node)))
        return node.op in COMPARISONS and all(map(self._is_number_again, self._after(node)))

    def _is_number_again(self, node: Node) -> bool:
        """Whether a node turns a comparison into a number, which gates nothing."""
        chosen = node.op == "Where" and all(name in self._graph.constants for name in node.inputs[1:])
        return (_to_float(node) or chosen) and not self._gates(node)

    def _gates(self, node: Node) -> bool:
        """Whether what a node makes is multiplied with a computed value."""
        return any(
            reader.op == "Mul" and all(name not in self._graph.constants for name in reader.inputs)
            for reader in self._after(node)
        )

    def _after(self, node: Node) -> Sequence[Node]:
        """Who reads a node's result, seen through nodes that move numbers without changing them."""
        found, pending = list[Node](), list(node.outputs)
        while pending:
            for reader in self._readers[pending.pop()]:
                if reader.op in _MOVES:
                    pending.extend(reader.outputs)
                else:
                    found.append(reader)
        return found


def _to_float(node: Node) -> bool:
    return node.op == "Cast" and node.integer("to", 0) in _FLOATS
