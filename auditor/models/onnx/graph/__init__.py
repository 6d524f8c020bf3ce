"""Our own importer of ONNX graphs into torch, so that a model file has gradients.

What goes in: an ``onnx.ModelProto`` (loaded and checked by the caller). What comes out: ``GraphModule``, a
frozen ``torch.nn.Module`` that computes one float output of the graph, or ``UnsupportedGraph`` naming every
operator that has no differentiable form here. The stages, one module each::

    score -> graph (read, inline, prune, sort) -> importer (fold, place) -> module
                 -> view (logits and embedding, found by walking back)

An operator is one function under ``@operator(name)`` in a module of ``operators``, whose parameters are the inputs and
attributes of the specification (``signature`` binds nodes to them); nothing else needs an edit.
"""

from __future__ import annotations

from auditor.models.onnx.graph.graph import Graph, read_graph
from auditor.models.onnx.graph.importer import import_graph
from auditor.models.onnx.graph.module import GraphModule
from auditor.models.onnx.graph.node import UnsupportedGraph
from auditor.models.onnx.graph.score import choose_output, model_input, score_output
from auditor.models.onnx.graph.walkable import bounded_output, find_head, steps_of

__all__ = [
    "Graph", "GraphModule", "UnsupportedGraph", "bounded_output", "choose_output", "find_head", "import_graph",
    "model_input", "read_graph", "score_output", "steps_of",
]  # fmt: skip
