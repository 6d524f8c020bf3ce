"""The weights of an ONNX model that lie in files of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from onnx import ModelProto, TensorProto
from onnx.external_data_helper import ExternalDataInfo

from auditor.models.onnx.subgraphs import inner_graphs


def load_weights(model: ModelProto, files: Mapping[str, BinaryIO]) -> None:
    """Read all tensors that are stored outside the model.

    Args:
        files: the open files, by the names that the model gives them.
    Raises:
        ValueError: there is no such file, or it is shorter than its tensors.
    """
    for tensor in _tensors(model):
        if tensor.data_location == TensorProto.EXTERNAL:
            tensor.raw_data = _stored(tensor, files)
            tensor.data_location = TensorProto.DEFAULT
            del tensor.external_data[:]


def _stored(tensor: TensorProto, files: Mapping[str, BinaryIO]) -> bytes:
    info = ExternalDataInfo(tensor)
    if info.location not in files:
        raise ValueError(f"no file of weights {info.location!r} for tensor {tensor.name!r}")
    file, begin = files[info.location], info.offset or 0
    left = os.fstat(file.fileno()).st_size - begin
    length = left if info.length is None else info.length
    if not 0 <= length <= left:
        raise ValueError(f"{info.location} ends before tensor {tensor.name!r} does")
    file.seek(begin)
    return file.read(length)


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    """All tensors of a model that may be stored outside it."""
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    yield from model.graph.initializer
    for graph in inner_graphs(nodes):
        yield from graph.initializer
        nodes.extend(graph.node)
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
