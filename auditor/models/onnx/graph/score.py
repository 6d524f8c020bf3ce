"""Which input takes the instances and which output holds the class scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import onnx
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

from auditor.errors import InputRefused
from auditor.models.graphs.protocol import ancestors
from auditor.models.onnx.graph.graph import read_graph
from auditor.models.onnx.graph.node import UnsupportedGraph
from auditor.models.onnx.graph.walkable import find_head
from auditor.models.output_choice import Output, choose_declared, place_of

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)


def model_input(model: ModelProto) -> ValueInfoProto:
    """The one data input; files of IR version 3 list their constants among the inputs.

    Raises:
        InputRefused: none, more than one, or not a tensor.
    """
    stored = {tensor.name for tensor in model.graph.initializer}
    stored |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    inputs = [value for value in model.graph.input if value.name not in stored]
    if len(inputs) != 1 or not inputs[0].type.HasField("tensor_type"):
        found = ", ".join(repr(value.name) for value in inputs) or "none"
        raise InputRefused("one tensor input", f"inputs {found}", "export the classifier with the instances alone")
    return inputs[0]


@dataclass(frozen=True)
class Choice:
    """The tensor that holds the class scores, and why that one."""

    name: str
    reason: str


def score_output(model: ModelProto, wanted: str | None = None) -> str:
    """Name of the class scores; see ``choose_output``."""
    return choose_output(model, wanted).name


def choose_output(model: ModelProto, wanted: str | None = None) -> Choice:
    """The class scores, looking through ZipMap.

    That is the output asked for, or else what ``several.choose`` takes of the floating-point ones of shape ``(N, C)``.

    Args:
        wanted: name or index of an output.
    Raises:
        UsageError: there is no such output.
        InputRefused: no output has that form; the message says what kind of model it looks like.
    """
    producers = {name: node for node in model.graph.node for name in node.output}
    outputs = list(model.graph.output)
    if wanted is not None:
        names = [value.name for value in outputs]
        return Choice(_through_zipmap(names[place_of(names, wanted)], producers), "asked for with --output")
    if any(_rank(value) is None for value in outputs if _is_float(value)):
        outputs = list(onnx.shape_inference.infer_shapes(model).graph.output)
    maps = [value.name for value in outputs if _through_zipmap(value.name, producers) != value.name]
    if maps:
        return Choice(_through_zipmap(maps[0], producers), "the list of class probabilities")
    sources = {name: node.input for name, node in producers.items()}
    offered = [
        Output(
            value.name,
            partial(_is_layered, model, value.name),
            ancestors(value.name, lambda each: sources.get(each, ())),
            described(value),
            _is_float(value),
            sizes(value),
            _is_float(value) and _is_score_shape(value),
        )
        for value in outputs
    ]
    labels = outputs and not any(map(_is_float, outputs))
    place, reason = choose_declared(offered, "labels without scores" if labels else "")
    return Choice(offered[place].name, reason)


def _is_layered(model: ModelProto, name: str) -> bool:
    """Whether a last layer, a softmax or a sigmoid makes this output."""
    try:
        return find_head(read_graph(model, model_input(model).name, name)).layered
    except (UnsupportedGraph, InputRefused):
        return False


def _through_zipmap(name: str, producers: dict[str, NodeProto]) -> str:
    """The tensor behind a list of maps from labels to probabilities, as scikit-learn's converter writes them."""
    node = producers.get(name)
    return str(node.input[0]) if node is not None and node.op_type == "ZipMap" else name


def sizes(value: ValueInfoProto) -> list[int | None] | None:
    """Declared sizes, None for a free axis; None when the file does not say how many axes there are."""
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        return None
    return [d.dim_value if d.dim_value > 0 else None for d in value.type.tensor_type.shape.dim]


def _is_float(value: ValueInfoProto) -> bool:
    return value.type.HasField("tensor_type") and value.type.tensor_type.elem_type in _FLOATS


def _rank(value: ValueInfoProto) -> int | None:
    shape = sizes(value)
    return None if shape is None else len(shape)


def _is_score_shape(value: ValueInfoProto) -> bool:
    """``(N, C)``, also with axes of size one behind; an unknown rank is left to the first run."""
    shape = sizes(value)
    return shape is None or (len(shape) >= 2 and all(size == 1 for size in shape[2:]))


def described(value: ValueInfoProto) -> str:
    """Name, type and shape of a value."""
    if not value.type.HasField("tensor_type"):
        return f"{value.name} {value.type.WhichOneof('value') or 'of unknown type'}"
    shape = sizes(value)
    inside = "any shape" if shape is None else "(" + ", ".join("?" if n is None else str(n) for n in shape) + ")"
    return f"{value.name} {TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()} {inside}"
