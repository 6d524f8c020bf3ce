"""A softmax or sigmoid spelled out in elementary operators, so that its gradient can be taken before it saturates.

    softmax:  e / sum(e)  or  e * (1 / sum(e))  with  e = exp(z)  or  e = exp(z - max z)
              exp(log-softmax z)  with  log-softmax z = z - log sum exp z
    sigmoid:  1 / (1 + exp(-z))  or  1 * (1 / (1 + exp(-z)))

Exporters write them where a framework has no operator of that name, people where a temperature was added.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from auditor.models.graphs.view import GraphView, Kind, V

_TINY = 1e-4
"""Most that is added to a sum against division by zero; what it changes in a probability no check can see."""


def written_out(graph: GraphView[V], value: V) -> tuple[V, Literal["softmax", "sigmoid"]] | None:
    """The logits behind the last value of a written-out softmax or sigmoid, and which it is; None if neither."""
    kind, inputs = graph.kind(value), graph.inputs(value)
    if kind == "exp":
        before = _log_softmax(graph, inputs[0])
        return None if before is None else (before, "softmax")
    if kind == "reciprocal":
        return _sigmoid(graph, inputs[0])
    if kind not in ("divide", "multiply"):
        return None
    shares = [(inputs[0], inputs[1])] if kind == "divide" else list(_by_reciprocal(graph, value))
    for numerator, denominator in shares:
        if graph.number(numerator) == 1:
            return _sigmoid(graph, denominator)
        if (logits := _exponent_of_share(graph, numerator, denominator)) is not None:
            return logits, "softmax"
    return None


def _by_reciprocal(graph: GraphView[V], product: V) -> Iterator[tuple[V, V]]:
    """a and b of a * (1 / b)."""
    for a, b in _either_way(graph, product):
        if (inverse := _made_by(graph, b, "reciprocal")) is not None:
            yield a, graph.inputs(inverse)[0]


def _exponent_of_share(graph: GraphView[V], numerator: V, denominator: V) -> V | None:
    """z where the numerator is exp(z), shifted or not, and the denominator its sum."""
    power, total = _made_by(graph, numerator, "exp"), _behind(graph, denominator)
    if graph.kind(total) == "add":  # a little, against division by zero
        rest = [b for a, b in _either_way(graph, total) if 0 <= graph.number(a) <= _TINY]
        total = _behind(graph, rest[0]) if rest else total
    if power is None or graph.kind(total) != "sum" or graph.axes(total) not in ([1], [-1]):
        return None
    return _unshifted(graph, graph.inputs(power)[0]) if _behind(graph, graph.inputs(total)[0]) == power else None


def _log_softmax(graph: GraphView[V], value: V) -> V | None:
    """z where the value is the log-softmax of z, by its operator or written out."""
    value = _behind(graph, value)
    kind, inputs = graph.kind(value), graph.inputs(value)
    if kind == "log-softmax":
        return inputs[0]
    if kind == "log":
        inner = _made_by(graph, inputs[0], "softmax")
        return None if inner is None else graph.inputs(inner)[0]
    if kind != "subtract":
        return None
    z, total = inputs[0], _behind(graph, inputs[1])
    if graph.kind(total) == "log":
        summed = _made_by(graph, graph.inputs(total)[0], "sum")
        power = None if summed is None else _made_by(graph, graph.inputs(summed)[0], "exp")
    else:
        power = _made_by(graph, total, "log-sum-exp")
    same = power is not None and _behind(graph, graph.inputs(power)[0]) == _behind(graph, z)
    return _unshifted(graph, z) if same else None


def _sigmoid(graph: GraphView[V], value: V) -> tuple[V, Literal["sigmoid"]] | None:
    """z where the value is 1 + exp(-z)."""
    total = _made_by(graph, value, "add")
    others = [] if total is None else [b for a, b in _either_way(graph, total) if graph.number(a) == 1]
    power = _made_by(graph, others[0], "exp") if others else None
    negated = None if power is None else _made_by(graph, graph.inputs(power)[0], "negate")
    return None if negated is None else (graph.inputs(negated)[0], "sigmoid")


def _unshifted(graph: GraphView[V], value: V) -> V:
    """z of z - max z, which has the same softmax; else the value itself."""
    shifted = _made_by(graph, value, "subtract")
    if shifted is None:
        return value
    z, largest = graph.inputs(shifted)[0], _made_by(graph, graph.inputs(shifted)[1], "max")
    same = largest is not None and _behind(graph, graph.inputs(largest)[0]) == _behind(graph, z)
    return z if same else value


def _either_way(graph: GraphView[V], value: V) -> tuple[tuple[V, V], tuple[V, V]]:
    """The two operands of a sum or a product, in both orders."""
    a, b = graph.inputs(value)[:2]
    return (a, b), (b, a)


def _made_by(graph: GraphView[V], value: V, kind: Kind) -> V | None:
    """The value itself, or what it is the same numbers of, where that is made by an operator of this kind."""
    value = _behind(graph, value)
    return value if graph.kind(value) == kind else None


def _behind(graph: GraphView[V], value: V) -> V:
    """The value that another is the same numbers of."""
    while graph.kind(value) == "same":
        value = graph.inputs(value)[0]
    return value
