"""From a ``Graph`` to a ``GraphModule``: build each operator once, and fold what does not depend on the input."""

from __future__ import annotations

from dataclasses import replace

import torch
from onnx import ModelProto
from torch import Tensor

from auditor.models.onnx_graph.graph import Graph, read_graph
from auditor.models.onnx_graph.module import GraphModule
from auditor.models.onnx_graph.node import UnsupportedGraph
from auditor.models.onnx_graph.placement import Call, place
from auditor.models.onnx_graph.registry import operators
from auditor.models.onnx_graph.score import model_input, score_output
from auditor.models.onnx_graph.tensors import tensor_from_proto


def import_graph(model: ModelProto | Graph, output: str | None = None) -> GraphModule:
    """A torch module that computes one output of an ONNX model, for gradients.

    Args:
        model: the file, or what ``read_graph`` made of it.
        output: name of any value of the graph; None takes the class scores.
    Raises:
        UnsupportedGraph: names every operator that has no differentiable form here, not the first alone.
        InputRefused: a file without class scores or with more than one input.
    """
    if isinstance(model, Graph):
        graph = model if output is None else model.up_to(output)
    else:
        graph = read_graph(model, model_input(model).name, output or score_output(model))
    constants, calls = _fold(graph)
    return place(graph, constants, calls)


def _fold(graph: Graph) -> tuple[dict[str, Tensor], list[Call]]:
    """Compute what does not depend on the input; return the known values and the calls that remain.

    Raises:
        UnsupportedGraph: unknown operators and variants of known ones, all at once.
    """
    constants: dict[str, Tensor] = {}
    calls: list[Call] = []
    unsupported: list[str] = []
    for name, proto in graph.tensors.items():
        try:
            constants[name] = tensor_from_proto(proto)
        except UnsupportedGraph as err:
            unsupported += err.operators
    for node in graph.nodes:
        if node.op not in operators:
            unsupported.append(node.op)
            continue
        entry = operators[node.op]
        known = {position: constants[name] for position, name in enumerate(node.inputs) if name in constants}
        try:
            compute = entry.build(replace(node, constants=known))
        except UnsupportedGraph as err:
            unsupported += err.operators
            continue
        if all(not name or name in constants for name in node.inputs):
            with torch.no_grad():
                results = compute(*(constants.get(name) for name in node.inputs))
            constants.update(zip(node.outputs, results if type(results) is tuple else (results,), strict=False))
        else:
            calls.append(Call(node, entry, compute))
    if unsupported:
        raise UnsupportedGraph(unsupported)
    return constants, calls
