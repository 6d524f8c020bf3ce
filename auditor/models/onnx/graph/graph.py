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
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, inliner, shape_inference
from onnx.helper import make_tensor_value_info

from auditor.models.onnx.graph.node import Node, UnsupportedGraph
from auditor.models.onnx.graph.registry import qualified

# Operators that the standard defines by other operators, and that have no module of their own here.
_EXPANDED = {("", "CausalConvWithState"), ("", "LinearAttention"), ("ai.onnx.preview", "FlexAttention")}


@dataclass(frozen=True)
class Body:
    """A graph inside a node: a branch of If, the body of Loop or Scan.

    Args:
        inputs, outputs: names of its own arguments and results.
        captured: names of outer values that the node's bodies read; they are the last inputs of the node.
        nodes: operator calls, each after those it depends on.
        tensors: its stored constants.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    captured: tuple[str, ...]
    nodes: tuple[Node, ...]
    tensors: Mapping[str, TensorProto]


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
    model = _inlined(model)
    versions = {entry.domain: entry.version for entry in model.opset_import}
    nodes = _read_nodes(model.graph.node, versions)
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


def _inlined(model: ModelProto) -> ModelProto:
    """The model without local functions, and with the bodies of the standard's own ``_EXPANDED`` in their place."""
    if model.functions:
        model = inliner.inline_local_functions(model)
    wanted = _EXPANDED & {(node.domain, node.op_type) for node in model.graph.node}
    if wanted:  # those bodies depend on the types of the arguments
        model = shape_inference.infer_shapes(model)
        known = {value.name for value in (*model.graph.input, *model.graph.value_info, *model.graph.output)}
        stored = [tensor for tensor in model.graph.initializer if tensor.name not in known]
        model.graph.value_info.extend(make_tensor_value_info(t.name, t.data_type, t.dims) for t in stored)
        # The inliner looks for the type of an absent input too, and only then asks whether it is there.
        model.graph.value_info.append(make_tensor_value_info("", TensorProto.FLOAT, None))
        model = inliner.inline_selected_functions(model, sorted(wanted), inline_schema_functions=True)
    return model


def _read_nodes(protos: Sequence[NodeProto], versions: Mapping[str, int]) -> list[Node]:
    """Nodes of the file in an order that can be computed."""
    return [part for proto in in_order(protos) for part in _split_link(_read_node(proto, versions))]


def _read_node(proto: NodeProto, versions: Mapping[str, int]) -> Node:
    """A node of the file, with plain attributes."""
    domain = "" if proto.domain == "ai.onnx" else proto.domain
    version = versions.get(domain, versions.get("ai.onnx", 1) if domain == "" else 1)
    inputs = list(proto.input)
    while inputs and not inputs[-1]:
        inputs.pop()
    attributes = {attribute.name: _plain(attribute) for attribute in proto.attribute}
    bodies = {name: value for name, value in attributes.items() if isinstance(value, GraphProto)}
    captured = tuple(sorted({name for body in bodies.values() for name in _captured(body)}))
    attributes.update({name: _read_body(body, captured, versions) for name, body in bodies.items()})
    inputs += captured
    return Node(qualified(domain, proto.op_type), version, tuple(inputs), tuple(proto.output), attributes)


def _read_body(proto: GraphProto, captured: tuple[str, ...], versions: Mapping[str, int]) -> Body:
    return Body(
        inputs=tuple(value.name for value in proto.input),
        outputs=tuple(value.name for value in proto.output),
        captured=captured,
        nodes=tuple(_read_nodes(proto.node, versions)),
        tensors={tensor.name: tensor for tensor in proto.initializer},
    )


def _captured(body: GraphProto) -> set[str]:
    """Names that a body reads and does not define."""
    own = {value.name for value in body.input} | {tensor.name for tensor in body.initializer}
    own |= {name for node in body.node for name in node.output}
    read = {name for node in body.node for name in _reads(node)} | {value.name for value in body.output}
    return read - own - {""}


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
    """Names that a node reads, those that its branches and loop bodies read from outside included."""
    bodies = [attribute.g for attribute in node.attribute if attribute.type == AttributeProto.GRAPH]
    return [*node.input, *(name for body in bodies for name in _captured(body))]
