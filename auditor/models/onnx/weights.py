"""The weights of an ONNX model that lie in files of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import GraphProto, ModelProto, TensorProto
from onnx.external_data_helper import load_external_data_for_tensor

from auditor.models.onnx.weights_files import weights_file, why_not


def external_names(model: ModelProto) -> Iterator[str]:
    """The name of its file for each tensor that is stored outside the model."""
    for tensor in _outside(model):
        yield from (entry.value for entry in tensor.external_data if entry.key == "location")


def load_weights(model: ModelProto, path: Path) -> None:
    """Read all tensors that are stored outside the model, from the files that ``weights_file`` allows.

    Args:
        path: the model's file.
    Raises:
        ValueError: there is no such file.
        onnx.checker.ValidationError: it is shorter than its tensors.
    """
    for tensor in _outside(model):
        for entry in tensor.external_data:
            if entry.key == "location":
                file = weights_file(path, entry.value)
                if file is None:
                    raise ValueError(why_not(path, entry.value))
                entry.value = file.name
                load_external_data_for_tensor(tensor, str(file.parent))
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]


def _outside(model: ModelProto) -> list[TensorProto]:
    return [tensor for tensor in _tensors(model) if tensor.data_location == onnx.TensorProto.EXTERNAL]


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    """All tensors of a model that may be stored outside it."""
    pending: list[GraphProto] = [model.graph]
    nodes = [node for function in model.functions for node in function.node]
    while pending or nodes:
        if pending:
            graph = pending.pop()
            yield from graph.initializer
            nodes.extend(graph.node)
        for node in nodes:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
                pending.extend([*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])])
        nodes = []
