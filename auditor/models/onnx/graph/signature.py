"""An operator's parameters are the specification's; here a node's inputs and attributes are bound to them.

Inputs come by position, their names in lower case, None where one is absent before others; attributes come by name,
with the specification's defaults. What was an attribute in older versions and is an input now is one parameter for
both. Attributes that change no result here are left out. A parameter's type says how it is handed over: a plain
``Tensor`` lies with the data; the types below are Python values, and those that are known when the graph is opened are
read then, once for all calls. Three kinds of parameter say more:

* ``outputs: tuple[bool, ...]``: which of its outputs the graph wants.
* a dataclass: attributes that belong together, its fields; it is made once, when the graph is opened.
* ``Literal``: the values with a form here; others are refused by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, is_dataclass
from functools import cache, partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import torch
from onnx import TensorProto
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.tensors import tensor_from_proto, torch_dtype

Compute = Callable[..., Any]


@dataclass(frozen=True)
class Reading:
    """How a tensor becomes a Python value.

    Args:
        of: the value, or None where the tensor has to stay one.
        host: the tensor is wanted on the CPU and read at each call; otherwise it is read only where it is known
            when the graph is opened.
    """

    of: Callable[[Tensor], Any]
    host: bool = True


def _single(values: Tensor, axes: int) -> Any:
    """The value of a tensor of one element and at most so many axes."""
    return values.item() if values.numel() == 1 and values.dim() <= axes else None


Integers = Annotated[tuple[int, ...], Reading(lambda values: tuple(int(v) for v in values.reshape(-1).tolist()))]
Integer = Annotated[int, Reading(lambda value: int(value.item()))]
Floats = Annotated[tuple[float, ...], Reading(lambda values: tuple(values.reshape(-1).tolist()))]
HostTensor = Annotated[Tensor, Reading(lambda tensor: tensor)]
Number = Annotated[Tensor | float, Reading(lambda value: _single(value, 1), host=False)]
Index = Annotated[Tensor | int, Reading(lambda value: _single(value, 0), host=False)]


@dataclass(frozen=True)
class Parameter:
    """One parameter: its type without None, how a tensor is read for it, and what ``inspect`` says of it."""

    name: str
    type: Any
    reading: Reading | None
    kind: Any
    default: Any

    def attribute(self, node: Node) -> Any:
        """What the node says by this name, or None."""
        if self.name == "outputs":
            return tuple(node.wants(output) for output in range(len(node.outputs)))
        if isinstance(self.type, type) and is_dataclass(self.type):
            return self.type(**_attributes(parameters_of(self.type), node))
        value = node.attributes.get(self.name)
        if get_origin(self.type) is Literal and value not in (None, *get_args(self.type)):
            raise node.unsupported(f"{self.name} {value}")
        return value if value is None else _as(self.type, value)


def _as(wanted: Any, value: Any) -> Any:
    """An attribute's value in the type of its parameter."""
    if isinstance(value, TensorProto):
        return tensor_from_proto(value)
    if wanted is torch.dtype:
        return torch_dtype(value)
    if wanted is Tensor:
        return torch.tensor(value)
    if isinstance(value, list):
        return tuple(value)
    return bool(value) if wanted is bool else value


@cache
def parameters_of(function: Callable[..., Any]) -> list[Parameter]:
    """The parameters of a function or dataclass, in order."""
    found = []
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        choices = get_args(parameter.annotation) if get_origin(parameter.annotation) in (Union, UnionType) else ()
        (kind, *_) = [choice for choice in choices if choice is not NoneType] or [parameter.annotation]
        reading = next((note for note in getattr(kind, "__metadata__", ()) if isinstance(note, Reading)), None)
        found.append(Parameter(parameter.name, kind, reading, parameter.kind, parameter.default))
    return found


def _attributes(parameters: Iterable[Parameter], node: Node) -> dict[str, Any]:
    """The attributes that the node gives to these parameters."""
    given = ((parameter.name, parameter.attribute(node)) for parameter in parameters)
    return {name: value for name, value in given if value is not None}


class Signature:
    """A function's parameters, and nodes bound to them."""

    def __init__(self, function: Compute) -> None:
        self._function, self._signature = function, inspect.signature(function, eval_str=True)
        self.parameters = parameters_of(function)
        self._positional = [p for p in self.parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        self.host = {place: p.reading.of for place, p in enumerate(self._positional) if p.reading and p.reading.host}

    def bind(self, node: Node) -> tuple[Compute, tuple[str, ...]]:
        """The computation of a node, and which inputs it still takes: Python values known at their end are bound.

        Raises:
            UnsupportedGraph: too many inputs, a lack of them or of attributes, or a value without a form here.
        """
        inputs, known = list(node.inputs), _attributes(self.parameters, node)
        while inputs and len(inputs) <= len(self._positional):
            place = len(inputs) - 1
            last, constant = self._positional[place], node.constants.get(place)
            if inputs[place]:
                value = None if constant is None or last.reading is None else last.reading.of(constant)
                if value is None:
                    break
                known[last.name] = value
            inputs.pop()
        try:
            self._signature.bind(*inputs, **known)
        except TypeError as err:
            raise node.unsupported(f"other arguments than the standard's ({err})") from err
        compute = partial(self._function, **known) if known else self._function
        readings = [(place, read) for place, read in self.host.items() if place < len(inputs)]
        return (_reading(compute, readings) if readings else compute), tuple(inputs)


def _reading(function: Compute, readings: list[tuple[int, Callable[[Tensor], Any]]]) -> Compute:
    """The function, of arguments of which some are tensors to read."""

    def computed(*inputs: Any) -> Any:
        arguments = list(inputs)
        for place, read in readings:
            if arguments[place] is not None:
                arguments[place] = read(arguments[place])
        return function(*arguments)

    return computed
