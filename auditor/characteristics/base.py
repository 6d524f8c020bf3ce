"""What a characteristic takes (``Evidence``) and gives (``Findings``), and how one is registered.

A characteristic is one module: a frozen dataclass under ``@characteristic(id)`` that implements
``measure``. Its ``definitions`` name every measure that it can return; the report explains and draws them
from that text, so no template needs an edit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Literal, Self

import torch
from pydantic import ValidationError
from torch import Tensor

from auditor.boundary.base import BoundaryInstances
from auditor.documents.agreement.numbers import meaning
from auditor.documents.results import Definition, Measure, Measured, NotMeasured, Series
from auditor.models.classifier import Classifier
from auditor.plugin_registry import Registry, not_a

SplitName = Literal["test", "train"]
NO_MARGINS = NotMeasured(not_measured="no search for the nearest points was run")


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
class SampleMargins:
    """How far single samples of s lie from the nearest point found that the model puts in t; row i is one sample.

    Args:
        index: int64 ``(M,)``, their place in the split.
        l2, linf: float32 ``(M,)``, 0 where the model does not put the sample in s, infinite where nothing was found.
        tried_l2, tried_linf: float32 ``(M,)``, how far was looked where nothing was found.
        method: who found them, as figures label it.
    """

    index: Tensor
    l2: Tensor
    linf: Tensor
    tried_l2: Tensor
    tried_linf: Tensor
    method: str

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True)
class Evidence:
    """All that is known of one direction when characteristics are measured.

    Args:
        classifier: the model under audit.
        source, target: samples of s and of t.
        instances: boundary instances from s to t by one generator.
        precision: half-width of the 95 % interval at which sampling may stop, as a share of the value's range.
        margins: of samples of s, by split, or why there are none.
        embedded: float32 ``(N, E)`` of the boundary instances, where they have been asked for together with others.
        drawn: whether series are kept, for figures; what only they need is not worth asking for otherwise.
    """

    classifier: Classifier
    source: ClassSamples
    target: ClassSamples
    instances: BoundaryInstances
    precision: float = 0.01
    margins: Mapping[SplitName, SampleMargins] | NotMeasured = NO_MARGINS
    embedded: Tensor | None = None
    drawn: bool = True

    @cached_property
    def boundary_embeddings(self) -> Tensor | None:
        """Float32 ``(N, E)`` of the boundary instances, None when the model has no embedding."""
        if isinstance(self.classifier.embedding_size, NotMeasured):
            return None
        return self.classifier.embeddings(self.instances.x_boundary) if self.embedded is None else self.embedded

    def keep(self, mask: Tensor) -> Evidence:
        """The same with the instances where ``mask`` (bool ``(N,)``) holds, and with what is known of these."""
        embedded = self.boundary_embeddings
        kept = None if embedded is None else embedded[mask]
        return replace(self, instances=self.instances.keep(mask), embedded=kept)


@dataclass(frozen=True)
class Findings:
    """Measures by id, the series behind their figures, and samples worth a look.

    Args:
        flagged: by what is said of them, rows of ``evidence.source.train``, int64 ``(M,)``.
        by_generator: as ``Characteristic.by_generator`` gives them, where measuring them apart would cost too much.
    """

    measures: Mapping[str, Measured]
    series: Mapping[str, Series] = field(default_factory=dict)
    flagged: Mapping[str, Tensor] = field(default_factory=dict)
    by_generator: Mapping[str, list[float]] = field(default_factory=dict)


def series_values(values: Tensor) -> list[float]:
    """Numbers as they go into a series: four significant digits, more than any figure shows."""
    return [float(f"{value:.4g}") for value in values.flatten().tolist()]


class Characteristic(ABC):
    """One characteristic of a direction. Hyper-parameters are the fields of a frozen dataclass.

    Attributes:
        definitions: every measure that ``measure`` returns, by id.
        on_baselines: whether it is also measured on RPBS and EPBS instances.
        moves_with_training: whether another training of the generator changes its numbers by more than the sampling of
            instances does; their intervals are then widened by what ``by_generator`` shows.
    """

    definitions: ClassVar[Mapping[str, Definition]]
    on_baselines: ClassVar[bool] = False
    moves_with_training: ClassVar[bool] = False

    @classmethod
    def configured(cls, profile: str) -> Self:
        """This characteristic as the profile of that name wants it: quick, standard, thorough or paper."""
        return cls()

    def by_generator(self, evidence: Evidence) -> Mapping[str, list[float]]:
        """Each measure on the instances of each of the direction's generators, where every one of them has it.

        Their spread shows what another training of the generator would change. Empty for a direction with a single
        generator, and for measures that do not move with it (``moves_with_training``).
        """
        instances = evidence.instances
        parts = instances.part.unique().tolist()
        if not self.moves_with_training or len(parts) < 2:
            return {}
        of_parts = [self.measure(evidence.keep(instances.part == part), rng=torch.Generator()) for part in parts]
        whole = (id for id in self.definitions if all(isinstance(f.measures.get(id), Measure) for f in of_parts))
        return {id: [m.value for f in of_parts if isinstance(m := f.measures[id], Measure)] for id in whole}

    @abstractmethod
    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """Measure one direction; every id of ``definitions`` is in the answer, measured or with a reason."""

    def not_measured(self, reason: str) -> Findings:
        """The same reason for every measure of this characteristic."""
        return Findings({name: NotMeasured(not_measured=reason) for name in self.definitions})

    def as_measure(self, name: str, value: float, ci_low: float | None, ci_high: float | None, n: int) -> Measure:
        """A measure that reads as its definition says."""
        try:
            return self.definitions[name].measure(value, ci_low, ci_high, n)
        except ValidationError as err:
            err.add_note(name)  # its own text does not say of which measure
            raise


class PairCharacteristic(ABC):
    """One characteristic that compares both directions of a pair, from their finished measures."""

    definitions: ClassVar[Mapping[str, Definition]]

    @classmethod
    def configured(cls, profile: str) -> Self:
        """This characteristic as the profile of that name wants it."""
        return cls()

    @abstractmethod
    def compare(self, forth: Mapping[str, Measured], back: Mapping[str, Measured]) -> Mapping[str, Measured]:
        """Measures of the pair from those of s to t (``forth``) and of t to s (``back``)."""


Kind = type[Characteristic | PairCharacteristic]


def _fault(kind: Kind, others: Mapping[str, Kind]) -> str | None:
    """Why a plug-in cannot be measured beside the others: it is no characteristic, or defines a measure of theirs."""
    base = PairCharacteristic if isinstance(kind, type) and issubclass(kind, PairCharacteristic) else Characteristic
    if reason := not_a(base, kind, attributes={"definitions": Mapping}):
        return reason
    if not kind.definitions or not all(isinstance(one, Definition) for one in kind.definitions.values()):
        return "its definitions are no Definition by id"
    scope = "pair" if base is PairCharacteristic else "direction"
    if other := sorted(id for id, one in kind.definitions.items() if one.scope != scope):
        return f"it takes the scope of {', '.join(other)} to be {scope}"
    for id, one in kind.definitions.items():
        for wrong in meaning(id, one):
            return f"{wrong.where} takes {wrong.expected}; found {wrong.found}"
    taken = sorted(id for id in kind.definitions if any(id in other.definitions for other in others.values()))
    return f"another characteristic defines {', '.join(taken)}" if taken else None


characteristics: Registry[Kind] = Registry("characteristic", "auditor.characteristics", fault=_fault)
characteristic = characteristics.register
