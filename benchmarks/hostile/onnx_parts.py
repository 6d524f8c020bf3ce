"""Building blocks of hostile ONNX files: a small classifier with hostile nodes before or behind its layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import FunctionProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from benchmarks.hostile.weights import linear_digits

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
Shape = Sequence[int | str | None] | None


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> NodeProto:
    """A node; names are separated by blanks, ``_`` is an absent one."""
    names = [["" if name == "_" else name for name in text.split()] for text in (inputs, outputs)]
    return helper.make_node(op, *names, **attributes)


def value(name: str, kind: int = FLOAT, shape: Shape = ("n", 1, 8, 8)) -> onnx.ValueInfoProto:
    """An input or output."""
    return helper.make_tensor_value_info(name, kind, shape)


def tensor(name: str, values: Any, dtype: Any = np.float32) -> TensorProto:
    """A constant."""
    return numpy_helper.from_array(np.asarray(values, dtype), name)


WEIGHTS = {
    "w": linear_digits(),
    "zero": np.float32(0),
    "one": np.ones(1, np.float32),
    "flag": np.array(True),
}


def classifier(
    nodes: Sequence[NodeProto] = (),
    constants: Mapping[str, Any] | None = None,
    *,
    last: Sequence[NodeProto] | None = None,
    input: onnx.ValueInfoProto | None = None,
    outputs: Sequence[onnx.ValueInfoProto] | None = None,
    opset: int = 18,
    ir: int = 9,
    functions: Sequence[FunctionProto] = (),
    domains: Sequence[str] = (),
    extra: Sequence[TensorProto] = (),
) -> ModelProto:
    """A linear classifier of 8 x 8 pixels in 10 classes, whose scores a value ``more`` moves if the nodes make it.

    Args:
        nodes: before the last layer.
        constants: arrays by name, beside ``WEIGHTS``.
        last: nodes in place of the last layer; they make ``y``.
        input, outputs: in place of ``x`` and ``y``.
        functions, domains: local functions, and the operator sets to import.
        extra: further initialisers.
    """
    made = {name for each in nodes for name in each.output}
    if last is None:
        last = [node("Flatten", "x", "flat"), node("MatMul", "flat w", "plain" if "more" in made else "y")]
        last += [node("Add", "plain more", "y")] if "more" in made else []
    stored = [
        numpy_helper.from_array(np.asarray(array), name) for name, array in {**WEIGHTS, **(constants or {})}.items()
    ]
    outputs = [value("y", shape=["n", 10])] if outputs is None else outputs
    graph = helper.make_graph([*nodes, *last], "g", [input or value("x")], list(outputs), [*stored, *extra])
    versions = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=versions, ir_version=ir, functions=list(functions))


def mean_of(name: str) -> NodeProto:
    """The number ``more`` from a large tensor, so that the runtime must make it."""
    return node("ReduceMean", name, "more", keepdims=0)


def saved(model: ModelProto | Callable[[], ModelProto]) -> Callable[[Path], Path]:
    """A builder that writes the model as it is."""

    def build(folder: Path) -> Path:
        made = model if isinstance(model, ModelProto) else model()
        (folder / "model.onnx").write_bytes(made.SerializeToString())
        return folder / "model.onnx"

    return build


def written(content: bytes | Callable[[], bytes], name: str = "model.onnx") -> Callable[[Path], Path]:
    """A builder that writes these bytes."""

    def build(folder: Path) -> Path:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content())
        return folder / name

    return build
