"""Where operators are found: functions whose parameters are the inputs and attributes of the specification.

All arguments of a computation live on one device, except those that a parameter's type reads as Python values: sizes,
axes and the like. An operator that needs more of its node than its attributes, such as one with a body, is a builder:
a function from the node to its computation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from auditor.models.onnx.graph.node import Node, UnsupportedGraph
from auditor.models.onnx.graph.signature import Compute, Signature
from auditor.plugin_registry import Registry

Builder = Callable[[Node], Compute]
Refuse = Callable[[Node], str]
Function = TypeVar("Function", bound=Callable[..., Any])
NEWEST = 10**6


@dataclass(frozen=True)
class Operator:
    """How to compute one ONNX operator in some versions of its operator set.

    Args:
        function: tensors in (None for an absent optional input), one tensor or a tuple of tensors out; or what makes
            such a function of a node.
        since, until: the versions, both included.
        refuse: what of a node has no form here, or nothing.
        sizes_only: the result depends on the sizes of the input alone and lives on the CPU.
        builds: whether the function is a builder.
        build_host: positions of inputs that a builder's computation wants on the CPU.
    """

    function: Compute
    since: int = 1
    until: int = NEWEST
    refuse: Refuse = lambda node: ""
    sizes_only: bool = False
    builds: bool = False
    build_host: tuple[int, ...] = ()

    @cached_property
    def signature(self) -> Signature:
        """What the function takes, where it is no builder."""
        return Signature(self.function)

    @property
    def host(self) -> Collection[int]:
        """Positions of inputs that are wanted on the CPU."""
        return self.build_host if self.builds else self.signature.host

    def bind(self, node: Node) -> tuple[Compute, tuple[str, ...]]:
        """The computation of a node, and the names of the inputs that it takes at each call.

        Raises:
            UnsupportedGraph: a variant without a form here.
        """
        if variant := self.refuse(node):
            raise node.unsupported(variant)
        return (self.function(node), node.inputs) if self.builds else self.signature.bind(node)


operators: Registry[list[Operator]] = Registry("onnx_operator", "auditor.models.onnx.operators", words=False)
_filed: dict[str, list[Operator]] = {}


def operator(
    *names: str, domain: str = "", since: int = 1, until: int = NEWEST, refuse: Refuse = lambda node: "",
    sizes_only: bool = False,
) -> Callable[[Function], Function]:  # fmt: skip
    """Decorator that files a function under operator names of one domain, for some versions of its operator set."""

    home = _caller()

    def file_under(function: Function) -> Function:
        _file(domain, names, Operator(function, since, until, refuse, sizes_only), home)
        return function

    return file_under


def builder(*names: str, domain: str = "", host: tuple[int, ...] = ()) -> Callable[[Builder], Builder]:
    """Decorator that files a function from a node to its computation."""

    home = _caller()

    def file_under(build: Builder) -> Builder:
        _file(domain, names, Operator(build, builds=True, build_host=host), home)
        return build

    return file_under


def as_in_torch(domain: str = "", **functions: Callable[..., Any]) -> None:
    """File torch functions under the names of operators without attributes; torch does not tell their parameters."""
    home = _caller()
    for name, function in functions.items():
        _file(domain, [name], Operator(lambda node, function=function: function, builds=True), home)


def operator_of(node: Node) -> Operator:
    """The operator that a node calls, in its version.

    Raises:
        UnsupportedGraph: there is none here.
    """
    if node.op in operators:
        for form in operators[node.op]:
            if form.since <= node.version <= form.until:
                return form
    raise UnsupportedGraph([node.op])


def _caller() -> str:
    """The module that files an operator, which the operator does not tell: it may be torch's, or a partial one."""
    return str(sys._getframe(2).f_globals["__name__"])


def _file(domain: str, names: Collection[str], entry: Operator, home: str) -> None:
    for name in names:
        forms = _filed.setdefault(qualified(domain, name), [])
        if any(form.since <= entry.until and entry.since <= form.until for form in forms):
            raise ValueError(f"operator {name!r} is filed twice for one version")
        if not forms:
            operators.register(qualified(domain, name), home=home)(forms)
        forms.append(entry)


def qualified(domain: str, name: str) -> str:
    """The registry's name of an operator: the default domain is left out."""
    return name if domain in ("", "ai.onnx") else f"{domain}::{name}"
