"""A softmax or sigmoid spelled out in elementary operators, so that its gradient can be taken before it saturates.

    softmax:  e / sum(e)  or  e * (1 / sum(e))  with  e = exp(z)  or  e = exp(z - max z)
              exp(log-softmax z)  with  log-softmax z = z - log sum exp z
    sigmoid:  1 / (1 + exp(-z))  or  1 * (1 / (1 + exp(-z)))

Exporters write them where a framework has no operator of that name, people where a temperature was added.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from auditor.models.graphs.protocol import GraphView, Kind, Maker, V

_TINY = 1e-4
"""Most that is added to a sum against division by zero; what it changes in a probability no check can see."""


def written_out(graph: GraphView[V], last: Maker[V]) -> tuple[V, Literal["softmax", "sigmoid"]] | None:
    """The logits behind the last operator of a written-out softmax or sigmoid, and which it is; None if neither."""
    if last.kind == "exp":
        before = _log_softmax(graph, last.inputs[0])
        return None if before is None else (before, "softmax")
    if last.kind == "reciprocal":
        return _sigmoid(graph, last.inputs[0])
    if last.kind not in ("divide", "multiply"):
        return None
    shares = [(last.inputs[0], last.inputs[1])] if last.kind == "divide" else list(_by_reciprocal(graph, last))
    for numerator, denominator in shares:
        if graph.number(numerator) == 1:
            return _sigmoid(graph, denominator)
        if (logits := _exponent_of_share(graph, numerator, denominator)) is not None:
            return logits, "softmax"
    return None


def _by_reciprocal(graph: GraphView[V], product: Maker[V]) -> Iterator[tuple[V, V]]:
    """a and b of a * (1 / b)."""
    for a, b in _either_way(product):
        if (inverse := _made_by(graph, b, "reciprocal")) is not None:
            yield a, inverse.inputs[0]


def _exponent_of_share(graph: GraphView[V], numerator: V, denominator: V) -> V | None:
    """z where the numerator is exp(z), shifted or not, and the denominator its sum."""
    power, total = _made_by(graph, numerator, "exp"), _behind(graph, denominator)
    if total.kind == "add":  # a little, against division by zero
        rest = [b for a, b in _either_way(total) if 0 <= graph.number(a) <= _TINY]
        total = _behind(graph, rest[0]) if rest else total
    if power is None or total.kind != "sum" or list(total.axes or ()) not in ([1], [-1]):
        return None
    return _unshifted(graph, power.inputs[0]) if _alike(graph, total.inputs[0], power.value) else None


def _log_softmax(graph: GraphView[V], value: V) -> V | None:
    """z where the value is the log-softmax of z, by its operator or written out."""
    made = _behind(graph, value)
    if made.kind == "log-softmax":
        return made.inputs[0]
    if made.kind == "log":
        inner = _made_by(graph, made.inputs[0], "softmax")
        return None if inner is None else inner.inputs[0]
    if made.kind != "subtract":
        return None
    z, total = made.inputs[0], _behind(graph, made.inputs[1])
    power: Maker[V] | None = total if total.kind == "log-sum-exp" else None
    if total.kind == "log":
        summed = _made_by(graph, total.inputs[0], "sum")
        power = None if summed is None else _made_by(graph, summed.inputs[0], "exp")
    return _unshifted(graph, z) if power is not None and _alike(graph, power.inputs[0], z) else None


def _sigmoid(graph: GraphView[V], value: V) -> tuple[V, Literal["sigmoid"]] | None:
    """z where the value is 1 + exp(-z)."""
    total = _made_by(graph, value, "add")
    others = [] if total is None else [b for a, b in _either_way(total) if graph.number(a) == 1]
    power = _made_by(graph, others[0], "exp") if others else None
    negated = None if power is None else _made_by(graph, power.inputs[0], "negate")
    return None if negated is None else (negated.inputs[0], "sigmoid")


def _unshifted(graph: GraphView[V], value: V) -> V:
    """z of z - max z, which has the same softmax; else the value itself."""
    shifted = _made_by(graph, value, "subtract")
    largest = None if shifted is None else _made_by(graph, shifted.inputs[1], "max")
    if shifted is None or largest is None or not _alike(graph, largest.inputs[0], shifted.inputs[0]):
        return value
    return shifted.inputs[0]


def _either_way(made: Maker[V]) -> tuple[tuple[V, V], tuple[V, V]]:
    """The two operands of a sum or a product, in both orders."""
    a, b = made.inputs[:2]
    return (a, b), (b, a)


def _made_by(graph: GraphView[V], value: V, kind: Kind) -> Maker[V] | None:
    """What makes the numbers of a value, where that is of this kind."""
    made = _behind(graph, value)
    return made if made.kind == kind else None


def _alike(graph: GraphView[V], a: V, b: V) -> bool:
    """Whether two values are the same numbers."""
    return _behind(graph, a).value == _behind(graph, b).value


def _behind(graph: GraphView[V], value: V) -> Maker[V]:
    """What makes the numbers of a value, seen through what only moves them."""
    while (made := graph.maker(value)).kind == "same":
        value = made.inputs[0]
    return made
