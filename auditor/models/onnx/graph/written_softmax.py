"""A softmax or sigmoid spelled out in elementary operators, so that its gradient can be taken before it saturates.

    softmax:  e / sum(e)  or  e * (1 / sum(e))  with  e = exp(z)  or  e = exp(z - max z)
              exp(log-softmax z)  with  log-softmax z = z - log sum exp z
    sigmoid:  1 / (1 + exp(-z))

Exporters write them where a framework has no operator of that name, people where a temperature was added.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from auditor.models.onnx.graph.graph import Graph
from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.tensors import tensor_from_proto

_ALIKE = {"Identity", "Cast", "Reshape", "Unsqueeze", "Squeeze", "Expand", "Flatten"}
"""Operators that leave every number what it is, apart from its dtype."""
_TINY = 1e-4
"""Most that is added to a sum against division by zero; what it changes in a probability no check can see."""


def written_out(graph: Graph, node: Node) -> tuple[str, Literal["softmax", "sigmoid"]] | None:
    """The logits behind the last node of a written-out softmax or sigmoid, and which of them it is; None if neither."""
    if node.op == "Exp":
        before = _log_softmax(graph, node.inputs[0])
        return None if before is None else (before, "softmax")
    if node.op == "Reciprocal":
        return _sigmoid(graph, node.inputs[0])
    if node.op == "Div" and _number(graph, node.inputs[0]) == 1:
        return _sigmoid(graph, node.inputs[1])
    if node.op == "Div":
        pairs = [(node.inputs[0], node.inputs[1])]
    elif node.op == "Mul":
        inverses = [(a, _maker(graph, b)) for a, b in (node.inputs, node.inputs[::-1])]
        pairs = [(a, made.inputs[0]) for a, made in inverses if made is not None and made.op == "Reciprocal"]
    else:
        return None
    for numerator, denominator in pairs:
        if (logits := _exponent_of_share(graph, numerator, denominator)) is not None:
            return logits, "softmax"
    return None


def _exponent_of_share(graph: Graph, numerator: str, denominator: str) -> str | None:
    """z where the numerator is exp(z), shifted or not, and the denominator its sum."""
    power, total = _maker(graph, numerator), _maker(graph, denominator)
    if total is not None and total.op == "Add":  # a little, against division by zero
        rest = [b for a, b in (total.inputs, total.inputs[::-1]) if 0 <= _number(graph, a) <= _TINY]
        total = _maker(graph, rest[0]) if rest else None
    if power is None or total is None or power.op != "Exp" or total.op not in ("ReduceSum", "ReduceL1"):
        return None
    if _behind(graph, total.inputs[0]) != _behind(graph, numerator) or not _over_classes(graph, total):
        return None
    return _unshifted(graph, power.inputs[0])


def _log_softmax(graph: Graph, name: str) -> str | None:
    """z where the value is the log-softmax of z, by its operator or written out."""
    node = _maker(graph, name)
    if node is None:
        return None
    if node.op == "LogSoftmax":
        return node.inputs[0]
    if node.op == "Log":
        inner = _maker(graph, node.inputs[0])
        return inner.inputs[0] if inner is not None and inner.op == "Softmax" else None
    if node.op != "Sub":
        return None
    z, total = node.inputs[0], _maker(graph, node.inputs[1])
    if total is None:
        return None
    if total.op == "Log":
        summed = _maker(graph, total.inputs[0])
        power = _maker(graph, summed.inputs[0]) if summed is not None and summed.op == "ReduceSum" else None
        same = power is not None and power.op == "Exp" and _behind(graph, power.inputs[0]) == _behind(graph, z)
        return _unshifted(graph, z) if same else None
    summed_z = total.op == "ReduceLogSumExp" and _behind(graph, total.inputs[0]) == _behind(graph, z)
    return _unshifted(graph, z) if summed_z else None


def _sigmoid(graph: Graph, name: str) -> tuple[str, Literal["sigmoid"]] | None:
    """z where the value is 1 + exp(-z)."""
    node = _maker(graph, name)
    if node is None or node.op != "Add":
        return None
    others = [b for a, b in (node.inputs, node.inputs[::-1]) if _number(graph, a) == 1]
    power = _maker(graph, others[0]) if others else None
    negated = _maker(graph, power.inputs[0]) if power is not None and power.op == "Exp" else None
    return (negated.inputs[0], "sigmoid") if negated is not None and negated.op == "Neg" else None


def _unshifted(graph: Graph, name: str) -> str:
    """z of z - max z, which has the same softmax; else the value itself."""
    node = _maker(graph, name)
    if node is None or node.op != "Sub":
        return name
    largest = _maker(graph, node.inputs[1])
    shifted = largest is not None and largest.op == "ReduceMax"
    if shifted and largest is not None and _behind(graph, largest.inputs[0]) == _behind(graph, node.inputs[0]):
        return node.inputs[0]
    return name


def _behind(graph: Graph, name: str) -> str:
    """The value that another is the same numbers of."""
    while (node := graph.producers.get(name)) is not None and node.op in _ALIKE:
        name = node.inputs[0]
    return name


def _maker(graph: Graph, name: str) -> Node | None:
    """The node that computes the numbers of a value."""
    return graph.producers.get(_behind(graph, name))


def _over_classes(graph: Graph, reduction: Node) -> bool:
    """Whether a sum runs over the axis of classes alone: the last one, or 1."""
    axes = reduction.integers("axes")
    if axes is None and len(reduction.inputs) > 1:
        stored = _constant(graph, reduction.inputs[1])
        axes = None if stored is None else [int(axis) for axis in stored.flatten().tolist()]
    return axes in ([1], [-1])


def _number(graph: Graph, name: str) -> float:
    """The one number that a stored constant holds; NaN for anything else."""
    stored = _constant(graph, name)
    if stored is None or not stored.numel() or not bool((stored == stored.flatten()[0]).all()):
        return math.nan
    return float(stored.flatten()[0])


def _constant(graph: Graph, name: str) -> Tensor | None:
    """A stored tensor, or that of a node Constant."""
    name = _behind(graph, name)
    stored, node = graph.tensors.get(name), graph.producers.get(name)
    if stored is None and node is not None and node.op == "Constant":
        for attribute in ("value_float", "value_ints", "value_floats", "value_int"):
            if attribute in node.attributes:
                return torch.tensor(node.attributes[attribute])
        stored = node.attributes.get("value")
    return None if stored is None else tensor_from_proto(stored)
