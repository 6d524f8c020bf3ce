"""A graph as the walk sees it, whatever file it comes from: values, the kind of operator that makes each, its inputs.

ONNX, TorchScript and torch.export each have a class with these methods and a table from the names of their operators
to ``Kind``; an operator that no walk needs to know is ``other``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from torch import Tensor

from auditor.documents.results import NotMeasured

V = TypeVar("V", bound=Hashable)
Form = Literal["flat", "mean over positions", "mean over tokens", "by rank"]
Kind = Literal[
    "given", "hidden", "other",
    "same", "rearranged", "relu", "pool",
    "add", "join", "subtract", "multiply", "divide", "affine",
    "linear", "convolution", "layer", "regressor", "classifier",
    "softmax", "sigmoid", "log-softmax", "bounded", "rows to 1",
    "exp", "log", "negate", "reciprocal", "sum", "max", "log-sum-exp",
]  # fmt: skip
"""What makes a value.

    given         nothing: it goes in or is stored; hidden: a branch, a loop or a call, into which nobody looks
    same          the same numbers in another shape or dtype; rearranged: nearly so, clipped, rounded or transposed
    join          a sum or an average of any number of values; affine: times and plus stored numbers
    linear        a product with stored weights; layer: any other layer with weights; regressor, classifier: a whole
                  linear model, the latter with numbers in [0, 1]
    bounded       what puts numbers into [0, 1], or a part of something that does; rows to 1: rows are divided by sums
"""
PASSING: frozenset[Kind] = frozenset({"same", "rearranged"})
POOLS: frozenset[Kind] = frozenset({"pool", "max"})
ARITHMETIC: frozenset[Kind] = frozenset({"add", "join", "subtract", "multiply", "divide", "affine"})
LAYERS: frozenset[Kind] = frozenset({"linear", "convolution", "layer"})
EMBEDDING: frozenset[Kind] = frozenset({"linear", "convolution", "regressor", "classifier"})
"""Layers whose input is an embedding."""
BOUNDED: frozenset[Kind] = frozenset({"bounded", "softmax", "sigmoid", "log-softmax", "exp", "classifier"})


@dataclass(frozen=True)
class Maker(Generic[V]):
    """What makes a value.

    Args:
        value: what it makes.
        kind: of the operator.
        inputs: what it reads; the data of a layer come first.
        operator: its name in the file; empty for what is given.
        axes: over which a sum runs, None where the graph does not say.
    """

    value: V
    kind: Kind = "given"
    inputs: Sequence[V] = ()
    operator: str = ""
    axes: Sequence[int] | None = None


class GraphView(Protocol[V]):
    """A graph whose values are of type V."""

    def maker(self, value: V) -> Maker[V]:
        """What makes a value."""

    def varies(self, value: V) -> bool:
        """Whether a value is a tensor that changes with the model's input, as opposed to weights."""

    def number(self, value: V) -> float:
        """The one number that a stored value holds, NaN for anything else."""

    def embedding(self, layer: Maker[V], pooled: bool) -> tuple[V, Form] | NotMeasured:
        """What the last layer reads, and how it becomes a vector for each instance, or why it does not.

        Args:
            layer: of a kind of ``EMBEDDING``.
            pooled: what it makes is averaged over positions or tokens on the way to the scores.
        """


def ancestors(value: V, inputs: Callable[[V], Iterable[V]]) -> set[V]:
    """Every value that is computed or read on the way to one."""
    seen, pending = set[V](), [value]
    while pending:
        fresh = [source for source in inputs(pending.pop()) if source not in seen]
        seen.update(fresh)
        pending.extend(fresh)
    return seen


def as_vectors(embedding: Tensor, form: Form) -> Tensor:
    """One vector for each instance: ``(N, E)``.

    Args:
        embedding: ``(N, E)``, ``(N, E, H, W)``, ``(N, T, E)`` or any other ``(N, ...)``.
        form: which axes to average over; ``flat`` keeps every element, ``by rank`` takes axis 1 of an image and else
            the last as that of the features.
    """
    if form == "flat" or embedding.dim() < 3:
        return embedding.flatten(1)
    first = form == "mean over positions" or (form == "by rank" and embedding.dim() == 4)
    return embedding.flatten(2).mean(dim=2) if first else embedding.flatten(1, -2).mean(dim=1)


def numbers_alike(stored: Tensor | None) -> float:
    """The number that all elements are, NaN where they differ or there are none."""
    if stored is None or not stored.numel() or not bool((stored == stored.flatten()[0]).all()):
        return float("nan")
    return float(stored.flatten()[0])
