"""Build each operator of a list of nodes once, and compute what does not depend on the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from onnx import TensorProto
from torch import Tensor

from auditor.models.onnx.graph.node import Node, UnsupportedGraph
from auditor.models.onnx.graph.registry import Operator, operator_of
from auditor.models.onnx.graph.signature import Compute
from auditor.models.onnx.graph.tensors import tensor_from_proto


@dataclass(frozen=True)
class Call:
    """A node that is computed at each call, because it depends on the input; it names the inputs still taken."""

    node: Node
    operator: Operator
    compute: Compute


def fold(
    nodes: Sequence[Node], tensors: Mapping[str, TensorProto], known: Mapping[str, Tensor] | None = None
) -> tuple[dict[str, Tensor], list[Call]]:
    """The values that do not depend on the input, and the calls that remain.

    Args:
        nodes: operator calls, each after those it depends on.
        tensors: stored constants that they read.
        known: values from outside that do not depend on the input either.
    Raises:
        UnsupportedGraph: unknown operators and variants of known ones, all at once.
    """
    constants: dict[str, Tensor] = dict(known or {})
    calls: list[Call] = []
    unsupported: list[str] = []
    for name, proto in tensors.items():
        try:
            constants[name] = tensor_from_proto(proto)
        except UnsupportedGraph as err:
            unsupported += err.operators
    for node in nodes:
        try:
            call = _build(node, constants)
        except UnsupportedGraph as err:
            unsupported += err.operators
            continue
        values = _values(call, constants)
        if values is None:
            calls.append(call)
        else:
            constants.update(values)
    if unsupported:
        raise UnsupportedGraph(unsupported)
    return constants, calls


def results_of(value: Any) -> tuple[Any, ...]:
    """The results of a computation, of which a single one comes bare; a list is one result, a sequence."""
    return value if type(value) is tuple else (value,)


def _build(node: Node, constants: Mapping[str, Tensor]) -> Call:
    """The computation of a node.

    Raises:
        UnsupportedGraph: an operator, or a variant of one, without a form here.
    """
    operator = operator_of(node)
    known = {position: constants[name] for position, name in enumerate(node.inputs) if name in constants}
    compute, inputs = operator.bind(replace(node, constants=known))
    return Call(replace(node, inputs=inputs), operator, compute)


def _values(call: Call, constants: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The results of a call that reads constants alone, by name; sequences are no constants."""
    if any(name and name not in constants for name in call.node.inputs):
        return None
    with torch.no_grad():
        results = results_of(call.compute(*(constants.get(name) for name in call.node.inputs)))
    named = {name: result for name, result in zip(call.node.outputs, results, strict=False) if name}
    return named if all(isinstance(result, Tensor) for result in named.values()) else None
