"""One operator call of a graph, with typed access to its attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


class UnsupportedGraph(Exception):
    """The graph holds operators without a differentiable form here.

    Args:
        operators: what is missing, such as ``"NonMaxSuppression"`` or ``"MaxPool with indices"``.
    """

    def __init__(self, operators: Iterable[str]) -> None:
        self.operators = tuple(sorted(set(operators)))
        super().__init__(f"operators not supported: {', '.join(self.operators)}")


@dataclass(frozen=True)
class Node:
    """One operator call.

    Args:
        op: name in the registry: ``"Conv"``, or ``"domain::Name"`` outside the default domain.
        version: operator set version of its domain in this file.
        inputs: names of values; ``""`` stands for an absent optional input, none at the end.
        outputs: names of values; ``""`` for one that is not wanted.
        attributes: plain Python values; text is ``str``, tensors are ``TensorProto``.
        constants: inputs whose value is known before any data, by position.
    """

    op: str
    version: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[int, Tensor] = field(default_factory=dict)

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        return int(self.attributes.get(name, default))

    def flag(self, name: str, default: bool = False) -> bool:
        """An integer attribute that means yes or no."""
        return bool(self.attributes.get(name, default))

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        return str(self.attributes.get(name, default))

    def integers(self, name: str) -> list[int] | None:
        """A list of integers, or None where the node does not say."""
        return [int(v) for v in self.attributes[name]] if name in self.attributes else None

    def wants(self, output: int) -> bool:
        """Whether the graph names the output at this position."""
        return output < len(self.outputs) and self.outputs[output] != ""

    def unsupported(self, variant: str) -> UnsupportedGraph:
        """The error for a variant of this operator that has no form here."""
        return UnsupportedGraph([f"{self.op} with {variant}"])
