"""From a ``Graph`` to a ``GraphModule``: fold what does not depend on the input, place the rest."""

from __future__ import annotations

from onnx import ModelProto

from auditor.models.onnx.graph.folding import fold
from auditor.models.onnx.graph.graph import Graph, read_graph
from auditor.models.onnx.graph.module import GraphModule
from auditor.models.onnx.graph.placement import place
from auditor.models.onnx.graph.score import model_input, score_output


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
    constants, calls = fold(graph.nodes, graph.tensors)
    return place(graph, constants, calls)
