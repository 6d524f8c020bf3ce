"""Where operators are found: a function from a node to the computation that it stands for.

Attributes are read once, when the graph is imported; what remains for each call is a plain closure over
torch functions. All arguments of a computation live on one device, except those that an operator declares
as ``host``: sizes, axes and the like, which have to be Python numbers before torch can use them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.registry import Registry

Compute = Callable[..., Any]
Builder = Callable[[Node], Compute]


@dataclass(frozen=True)
class Operator:
    """How to compute one ONNX operator.

    Args:
        build: reads the attributes and returns the computation: tensors in (None for an absent optional
            input), one tensor or a tuple of tensors out.
        host: positions of inputs that are wanted on the CPU.
        sizes_only: the result depends on the sizes of the input alone and lives on the CPU.
    """

    build: Builder
    host: tuple[int, ...] = ()
    sizes_only: bool = False


operators: Registry[Operator] = Registry("onnx_operator", "auditor.models.onnx.operators")


def operator(
    *names: str, domain: str = "", host: tuple[int, ...] = (), sizes_only: bool = False
) -> Callable[[Builder], Builder]:
    """Decorator that files a builder under operator names of one domain."""

    def file_under(build: Builder) -> Builder:
        for name in names:
            operators.register(qualified(domain, name))(Operator(build, host, sizes_only))
        return build

    return file_under


def elementwise(name: str, function: Callable[..., Tensor], *, domain: str = "") -> None:
    """File a torch function that needs no attribute under an operator name."""
    operators.register(qualified(domain, name))(Operator(lambda node: function))


def qualified(domain: str, name: str) -> str:
    """The registry's name of an operator: the default domain is left out."""
    return name if domain in ("", "ai.onnx") else f"{domain}::{name}"


def python_integers(tensor: Tensor) -> list[int]:
    """The values of a host tensor as Python integers."""
    return [int(value) for value in tensor.reshape(-1).tolist()]
