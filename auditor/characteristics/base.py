"""What a characteristic takes (``Evidence``) and gives (``Findings``), and how one is registered.

A characteristic is one module: a frozen dataclass under ``@characteristic(id)`` that implements
``measure``. Its ``definitions`` name every measure that it can return; the report explains and draws them
from that text, so no template needs an edit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from auditor.boundary.base import BoundaryInstances
from auditor.boundary.minimal_norm import NearestPoints
from auditor.models.classifier import Classifier
from auditor.registry import Registry
from auditor.results import Definition, Measure, Measured, NotMeasured, Series

NOT_ATTACKED = NotMeasured(not_measured="no minimal-norm attack was run")


@dataclass(frozen=True)
class ClassSamples:
    """Samples of one class, as the data label them.

    Args:
        label: class index.
        train, test: float32 ``(N, *shape)`` in [0, 1].
        train_embeddings, test_embeddings: float32 ``(N, E)``, None when the model has no embedding.
    """

    label: int
    train: Tensor
    test: Tensor
    train_embeddings: Tensor | None
    test_embeddings: Tensor | None


@dataclass(frozen=True)
class Evidence:
    """All that is known of one direction when characteristics are measured.

    Args:
        classifier: the model under audit.
        source, target: samples of s and of t.
        instances: boundary instances from s to t by one generator.
        precision: half-width of the 95 % interval at which sampling may stop, as a share of the value's range.
        nearest: nearest points of t found by the minimal-norm attack, or why there are none.
    """

    classifier: Classifier
    source: ClassSamples
    target: ClassSamples
    instances: BoundaryInstances
    precision: float = 0.01
    nearest: NearestPoints | NotMeasured = NOT_ATTACKED

    @cached_property
    def boundary_embeddings(self) -> Tensor | None:
        """Float32 ``(N, E)`` of the boundary instances, None when the model has no embedding."""
        if isinstance(self.classifier.embedding_size, NotMeasured):
            return None
        return self.classifier.embeddings(self.instances.x_boundary)


@dataclass(frozen=True)
class Findings:
    """Measures by id, and the series behind their figures."""

    measures: Mapping[str, Measured]
    series: Mapping[str, Series] = field(default_factory=dict)


def series_values(values: Tensor) -> list[float]:
    """Numbers as they go into a series: four significant digits, more than any figure shows."""
    return [float(f"{value:.4g}") for value in values.flatten().tolist()]


class Characteristic(ABC):
    """One characteristic of a direction. Hyper-parameters are the fields of a frozen dataclass.

    Attributes:
        definitions: every measure that ``measure`` returns, by id.
        on_baselines: whether it is also measured on RPBS and EPBS instances.
    """

    definitions: ClassVar[Mapping[str, Definition]]
    on_baselines: ClassVar[bool] = False

    @abstractmethod
    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """Measure one direction; every id of ``definitions`` is in the answer, measured or with a reason."""

    def not_measured(self, reason: str) -> Findings:
        """The same reason for every measure of this characteristic."""
        return Findings({name: NotMeasured(not_measured=reason) for name in self.definitions})

    def as_measure(self, name: str, value: float, ci_low: float, ci_high: float, n: int) -> Measure:
        """A measure with the unit and direction of its definition."""
        d = self.definitions[name]
        return Measure(value=value, ci_low=ci_low, ci_high=ci_high, n=n, unit=d.unit, direction=d.direction)


class PairCharacteristic(ABC):
    """One characteristic that compares both directions of a pair, from their finished measures."""

    definitions: ClassVar[Mapping[str, Definition]]

    @abstractmethod
    def compare(self, forth: Mapping[str, Measured], back: Mapping[str, Measured]) -> Mapping[str, Measured]:
        """Measures of the pair from those of s to t (``forth``) and of t to s (``back``)."""


characteristics: Registry[type[Characteristic | PairCharacteristic]] = Registry(
    "characteristic", "auditor.characteristics"
)
characteristic = characteristics.register
