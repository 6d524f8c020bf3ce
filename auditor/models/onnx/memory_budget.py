"""How much memory a graph asks for, found without running it.

A few bytes of file can ask for terabytes, by ``ConstantOfShape`` of a million by a million, ``Expand``, ``Tile`` or
``Range``. The runtime would try, some of it already while it opens the file. Shape inference with the values of small
constants finds the sizes in milliseconds; what depends on the data is left to the limits of the worker.
"""

from __future__ import annotations

import math

from onnx import ModelProto, ValueInfoProto, helper, shape_inference

from auditor.models.onnx.subgraphs import all_graphs

LARGEST_STEP = 1 << 36
"""Bytes (64 GiB) that one operator may hold at once, its inputs and results, for one instance or the fixed batch."""

_SMALL = 1 << 12
"""Constants of more bytes are no shapes, repeats or pads; only their size is looked at."""


def check_budget(model: ModelProto) -> None:
    """Refuse a graph in which one operator needs more than ``LARGEST_STEP``.

    Args:
        model: without local functions.
    Raises:
        ValueError: with the operator and the bytes.
    """
    name, size = largest_step(model)
    if size > LARGEST_STEP:
        raise ValueError(
            f"operator {name} needs {_text(size)} of memory at once, more than the {_text(LARGEST_STEP)} allowed"
        )


def largest_step(model: ModelProto) -> tuple[str, int]:
    """The operator that needs most memory at once, and how many bytes.

    Inputs and results of a running operator are all held (but for those that only rename their input), so a run needs
    no less. Sizes that are not known count as 1: a free batch axis is one instance. A graph whose shapes cannot be
    inferred needs nothing that is known.
    """
    light, step = _light(model), ("", 0)
    for with_values in (False, True):
        step = max(step, _largest(_inferred(light, with_values)), key=lambda each: each[1])
        if step[1] > LARGEST_STEP:
            break  # inference would write down every value of a tensor with so many
    return step


def _largest(model: ModelProto) -> tuple[str, int]:
    """The most demanding operator of a model whose shapes are known."""
    sizes: dict[str, int] = {}
    graphs = list(all_graphs(model.graph))
    for graph in graphs:
        sizes.update({value.name: _bytes_of(value) for value in (*graph.value_info, *graph.input, *graph.output)})
        sizes.update({tensor.name: _bytes(tensor.data_type, tensor.dims) for tensor in graph.initializer})
    steps = (
        (node.op_type, sum(sizes.get(name, 0) for name in {*node.input, *node.output}))
        for graph in graphs
        for node in graph.node
    )
    return max(steps, key=lambda step: step[1], default=("", 0))


def _light(model: ModelProto) -> ModelProto:
    """The model with its large constants turned into inputs, so that inference copies no weights."""
    light = ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    graph, light_graph = model.graph, light.graph
    light_graph.name = graph.name or "graph"
    light_graph.node.extend(graph.node)
    light_graph.output.extend(graph.output)
    light_graph.value_info.extend(graph.value_info)
    inputs = {value.name for value in graph.input}
    light_graph.input.extend(graph.input)
    for tensor in graph.initializer:
        if _bytes(tensor.data_type, tensor.dims) <= _SMALL:
            light_graph.initializer.append(tensor)
        elif tensor.name not in inputs:
            light_graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return light


def _inferred(model: ModelProto, with_values: bool) -> ModelProto:
    """The model with the shapes that can be told; an operator that contradicts itself hides no other.

    Args:
        with_values: compute small whole numbers too, of which shapes are made.
    """
    for strict in (True, False):
        try:
            return shape_inference.infer_shapes(model, strict_mode=strict, data_prop=with_values)
        except Exception:  # whatever inference stumbles over, the checker and the runtime say it better
            continue
    return model


def _bytes_of(value: ValueInfoProto) -> int:
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not tensor.HasField("shape"):
        return 0
    return _bytes(tensor.elem_type, [d.dim_value if d.HasField("dim_value") else 1 for d in tensor.shape.dim])


def _bytes(element: int, dims: list[int]) -> int:
    try:
        itemsize = helper.tensor_dtype_to_np_dtype(element).itemsize
    except (KeyError, ValueError, TypeError):
        itemsize = 1
    return math.prod(max(0, size) for size in dims) * max(1, itemsize)


def _text(size: int) -> str:
    return f"{size / 1e12:,.1f} TB" if size >= 1e12 else f"{size / 1e9:,.1f} GB"
