"""A softmax or sigmoid spelled out in torch's elementary operators, in a TorchScript or a torch.export graph.

    softmax:  e / sum(e)  with  e = exp(z)  or  e = exp(z - max z);  exp(log_softmax(z))
    sigmoid:  1 / (1 + exp(-z))

The counterpart of ``onnx_graph.written_softmax``. Both kinds of graph are read through ``Look``; values are compared by
their names.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from auditor.models import aten
from auditor.models.base import OutputKind

V = TypeVar("V")


class Look(Protocol[V]):
    """How to read a graph whose values are of type V."""

    def __call__(self, value: V) -> tuple[str, list[V]]:
        """The operator that makes a value, and its operands, numbers left out."""

    def name(self, value: V) -> str:
        """The value's own name."""


_EXP = {"aten::exp", "aten::exp_"}
_QUOTIENT, _DIFFERENCE = {"aten::div", "aten::div_", "aten::true_divide"}, {"aten::sub", "aten::sub_"}
_SUM, _LOG_SUM = {"aten::sum"}, {"aten::logsumexp"}
_LARGEST = {"aten::amax", "aten::max"}
_LOG_SOFTMAX = {"aten::log_softmax", "aten::_log_softmax"}


def written_out(value: V, look: Look[V]) -> tuple[V, OutputKind] | None:
    """The logits behind the last value of a written-out softmax or sigmoid, and what it makes; None if neither."""
    operator, operands = look(_behind(value, look))
    if operator in _EXP:
        inner, sources = look(_behind(operands[0], look))
        if inner in _LOG_SOFTMAX:
            return sources[0], "probabilities"
        if inner in _DIFFERENCE and len(sources) > 1 and _makes(sources[1], _LOG_SUM, look):
            return sources[0], "probabilities"
        return None
    if operator == "aten::reciprocal":
        return _sigmoid(operands[0], look)
    if operator == "aten::mul" and len(operands) == 1 and _makes(operands[0], {"aten::reciprocal"}, look):
        return _sigmoid(look(_behind(operands[0], look))[1][0], look)  # torch writes 1 / y as a reciprocal times 1
    if operator not in _QUOTIENT or len(operands) < 2:
        return None
    numerator, denominator = (_behind(operand, look) for operand in operands[:2])
    if _makes(numerator, _EXP, look) and _makes(denominator, _SUM, look):
        summed = _behind(look(denominator)[1][0], look)
        if look.name(summed) == look.name(numerator):
            return _unshifted(look(numerator)[1][0], look), "probabilities"
    return None


def _sigmoid(value: V, look: Look[V]) -> tuple[V, OutputKind] | None:
    """z where the value is 1 + exp(-z)."""
    operator, operands = look(_behind(value, look))
    if operator not in ("aten::add", "aten::add_"):
        return None
    for operand in operands:
        inner, sources = look(_behind(operand, look))
        if inner in _EXP and _makes(sources[0], {"aten::neg"}, look):
            return look(_behind(sources[0], look))[1][0], "sigmoid"
    return None


def _unshifted(value: V, look: Look[V]) -> V:
    """z of z - max z, which has the same softmax; else the value itself."""
    operator, operands = look(_behind(value, look))
    shifted = operator in _DIFFERENCE and len(operands) > 1 and _makes(operands[1], _LARGEST, look)
    return operands[0] if shifted else value


def _makes(value: V, operators: set[str], look: Look[V]) -> bool:
    return look(_behind(value, look))[0] in operators


def _behind(value: V, look: Look[V]) -> V:
    """The value that another is a reshaped form of."""
    while (seen := look(value))[0] in aten.RESHAPING:
        value = seen[1][0]
    return value
