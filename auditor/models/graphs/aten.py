"""The operators of torch, by the kinds that the walk knows; TorchScript and torch.export graphs are written in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from auditor.models.graphs.protocol import Form, Kind

V = TypeVar("V")
_NAMES: dict[Kind, str] = {
    "same": "view reshape flatten squeeze unsqueeze contiguous to clone alias type_as dropout dropout_ feature_dropout "
    "_unsafe_view _to_copy",
    "relu": "relu relu_",
    "pool": "mean adaptive_avg_pool2d avg_pool2d _adaptive_avg_pool2d",
    "add": "add add_",
    "subtract": "sub sub_",
    "multiply": "mul mul_",
    "divide": "div div_ true_divide",
    "linear": "linear addmm matmul mm",
    "convolution": "conv2d _convolution convolution",
    "softmax": "softmax _softmax",
    "sigmoid": "sigmoid",
    "log-softmax": "log_softmax _log_softmax",
    "bounded": "sigmoid_ hardsigmoid hardsigmoid_ special_expit tanh tanh_ erf softplus softsign logistic",
    "exp": "exp exp_",
    "log": "log",
    "negate": "neg",
    "reciprocal": "reciprocal",
    "sum": "sum",
    "max": "amax max",
    "log-sum-exp": "logsumexp",
}
_KINDS: dict[str, Kind] = {f"aten::{name}": kind for kind, names in _NAMES.items() for name in names.split()}
_DATA = {"aten::addmm": 1}
"""addmm(bias, x, weight); the others begin with x."""


def kind_of(operator: str) -> Kind:
    """The kind of an operator by its name, such as ``aten::linear``."""
    return _KINDS.get(operator, "other")


def data_first(operator: str, inputs: Sequence[V]) -> list[V]:
    """The inputs of an operator, the data of a layer before its weights."""
    place = _DATA.get(operator, 0)
    return [*inputs[place : place + 1], *inputs[:place], *inputs[place + 1 :]]


def form_of(kind: Kind) -> Form:
    """How the input of a last layer becomes a vector for each instance."""
    return "mean over positions" if kind == "convolution" else "mean over tokens"


def axes_of(given: object) -> list[int] | None:
    """The axes that an argument names: a list of numbers, or one."""
    return [given] if isinstance(given, int) else list(given) if isinstance(given, list | tuple) else None
