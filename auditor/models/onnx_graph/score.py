"""Which input takes the instances and which output holds the class scores."""

from __future__ import annotations

import onnx
from onnx import ModelProto, TensorProto, ValueInfoProto

from auditor.errors import InputRefused

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


def score_output(model: ModelProto) -> str:
    """Name of the class scores: the first floating-point output ``(N, C)``, looking through ZipMap.

    Raises:
        InputRefused: no output has that form (a detector, a segmenter, labels only).
    """
    producers = {name: node for node in model.graph.node for name in node.output}
    outputs = list(model.graph.output)
    if any(_rank(value) is None for value in outputs if _is_float(value)):
        outputs = list(onnx.shape_inference.infer_shapes(model).graph.output)
    found = []
    for value in outputs:
        node = producers.get(value.name)
        if node is not None and node.op_type == "ZipMap":
            return str(node.input[0])
        if _is_float(value) and _is_score_shape(value):
            return str(value.name)
        found.append(f"{value.name} {_described(value)}")
    raise InputRefused(
        "a floating-point output of shape (N, C)",
        "; ".join(found) or "no output",
        "audit a classifier, or export its class scores as an output",
    )


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


def _described(value: ValueInfoProto) -> str:
    if not value.type.HasField("tensor_type"):
        return value.type.WhichOneof("value") or "of unknown type"
    shape = sizes(value)
    inside = "unknown shape" if shape is None else "(" + ", ".join("?" if s is None else str(s) for s in shape) + ")"
    return f"{TensorProto.DataType.Name(value.type.tensor_type.elem_type)} {inside}"
