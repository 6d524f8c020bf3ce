"""From an ONNX file's graph to the part that one output needs, in an order that can be computed.

What goes in: a ``ModelProto`` and the name of an output (any value of the graph). What comes out: ``Graph``,
whose nodes are inlined, pruned (labels, ArgMax and ZipMap fall away) and sorted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

import onnx
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, inliner

from auditor.models.onnx_graph.node import Node, UnsupportedGraph
from auditor.models.onnx_graph.registry import qualified


@dataclass(frozen=True)
class Graph:
    """The computation of one output.

    Args:
        input: name of the model's data input.
        output: name of the value that is computed.
        nodes: operator calls, each after those it depends on.
        tensors: the stored constants that the nodes read, by name.
    """

    input: str
    output: str
    nodes: tuple[Node, ...]
    tensors: Mapping[str, TensorProto]

    @cached_property
    def producers(self) -> dict[str, Node]:
        """The node behind each value."""
        return {name: node for node in self.nodes for name in node.outputs if name}

    @cached_property
    def constants(self) -> frozenset[str]:
        """Names of the values that do not depend on the input."""
        known = {"", *self.tensors}
        for node in self.nodes:
            if known.issuperset(node.inputs):
                known.update(node.outputs)
        return frozenset(known - {""})

    def up_to(self, output: str) -> Graph:
        """The part of this graph that computes another of its values; results that nothing reads lose their name."""
        nodes = _needed_for(output, self.nodes)
        read = {name for node in nodes for name in node.inputs} | {output}
        nodes = tuple(replace(node, outputs=tuple(n if n in read else "" for n in node.outputs)) for node in nodes)
        return Graph(self.input, output, nodes, {k: v for k, v in self.tensors.items() if k in read})


def read_graph(model: ModelProto, input: str, output: str) -> Graph:
    """The part of a model that computes ``output`` from ``input``.

    Raises:
        UnsupportedGraph: the output does not exist, depends on another input or on itself.
    """
    if model.functions:
        model = inliner.inline_local_functions(model)
    versions = {entry.domain: entry.version for entry in model.opset_import}
    nodes = [part for proto in in_order(model.graph.node) for part in _split_link(_read_node(proto, versions))]
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    sparse = {entry.values.name for entry in model.graph.sparse_initializer}
    needed = _needed_for(output, nodes)
    known = {"", input, *tensors}
    made = {name for node in needed for name in node.outputs}
    missing = {name for node in needed for name in node.inputs} | {output}
    missing -= known | made
    if missing:
        raise UnsupportedGraph(("sparse" if name in sparse else "undefined") + f" input {name!r}" for name in missing)
    return Graph(input, output, needed, tensors).up_to(output)


def _read_node(proto: NodeProto, versions: Mapping[str, int]) -> Node:
    """A node of the file, with plain attributes."""
    domain = "" if proto.domain == "ai.onnx" else proto.domain
    version = versions.get(domain, versions.get("ai.onnx", 1) if domain == "" else 1)
    inputs = list(proto.input)
    while inputs and not inputs[-1]:
        inputs.pop()
    attributes = {attribute.name: _plain(attribute) for attribute in proto.attribute}
    return Node(qualified(domain, proto.op_type), version, tuple(inputs), tuple(proto.output), attributes)


def _plain(attribute: AttributeProto) -> Any:
    """An attribute's value with bytes decoded to text."""
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if attribute.type == AttributeProto.STRINGS:
        return [text.decode("utf-8", errors="replace") for text in value]
    return value


def _split_link(node: Node) -> list[Node]:
    """A linear classifier with a built-in softmax or sigmoid as two nodes, so that the head is in plain sight."""
    link = {"SOFTMAX": "Softmax", "LOGISTIC": "Sigmoid"}.get(node.attributes.get("post_transform", "NONE"))
    if node.op != "ai.onnx.ml::LinearClassifier" or link is None or not node.wants(1):
        return [node]
    label, score = node.outputs
    before = f"{score}/before_{link}"
    linear = replace(node, outputs=(label, before), attributes={**node.attributes, "post_transform": "NONE"})
    return [linear, Node(link, 13, (before,), (score,), {})]


def _needed_for(output: str, nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes on which a value depends, in the order given."""
    producers = {name: index for index, node in enumerate(nodes) for name in node.outputs if name}
    needed: set[int] = set()
    pending = [output]
    while pending:
        index = producers.get(pending.pop())
        if index is not None and index not in needed:
            needed.add(index)
            pending.extend(nodes[index].inputs)
    return tuple(nodes[index] for index in sorted(needed))


def in_order(nodes: Sequence[NodeProto]) -> list[NodeProto]:
    """Nodes in an order that can be computed; the standard asks for it, some converters forget it.

    Raises:
        UnsupportedGraph: a cycle.
    """
    makers = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    needs = {index: {makers[name] for name in _reads(node) if name in makers} for index, node in enumerate(nodes)}
    if all(needed < index for index, before in needs.items() for needed in before):
        return list(nodes)
    try:
        return [nodes[index] for index in TopologicalSorter(needs).static_order()]
    except CycleError as err:
        raise UnsupportedGraph(["a cycle of nodes"]) from err


def _reads(node: NodeProto) -> list[str]:
    """Names that a node reads, those inside its branches and loop bodies included."""
    bodies = [attribute.g for attribute in node.attribute if attribute.type == AttributeProto.GRAPH]
    return [*node.input, *(name for body in bodies for inner in body.node for name in _reads(inner))]
