"""The graphs inside a graph of ONNX: branches of If, bodies of Loop and Scan, at any depth and without recursion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from onnx import GraphProto, NodeProto


def all_graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph, then the graphs inside it, each after the one that holds it."""
    yield graph
    yield from inner_graphs(graph.node)


def inner_graphs(nodes: Iterable[NodeProto]) -> Iterator[GraphProto]:
    """The graphs inside nodes, each after the one that holds it."""
    pending = list(_held(nodes))
    while pending:
        graph = pending.pop()
        yield graph
        pending.extend(_held(graph.node))


def all_nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """Nodes of a graph and of the graphs inside it."""
    return (node for each in all_graphs(graph) for node in each.node)


def _held(nodes: Iterable[NodeProto]) -> Iterator[GraphProto]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield attribute.g
            yield from attribute.graphs
