"""Every characteristic on every direction, and on the baselines those that ask for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor

from auditor.boundary.base import BoundaryInstances
from auditor.characteristics.base import (
    Characteristic,
    ClassSamples,
    Evidence,
    Findings,
    PairCharacteristic,
    characteristics,
)
from auditor.documents.results import Definition, Measured, NotMeasured, Series
from auditor.models.classifier import Classifier
from auditor.pipeline.model_facts.predictions import Predictions
from auditor.pipeline.pairs.plugin_answers import comparison_of, ends_audit, findings_of, plugin_named
from auditor.pipeline.seeds import generator_for

COARSER = 2.0
"""Baselines are there to compare with: their intervals may be this many times as wide as those of the main numbers."""

SamplesOf = Callable[[int], ClassSamples]


@dataclass(frozen=True)
class CharacteristicSuite:
    """All characteristics, ready to measure.

    Args:
        directed: by id, those of one direction.
        paired: by id, those that compare both directions of a pair.
    """

    directed: dict[str, Characteristic]
    paired: dict[str, PairCharacteristic]

    @classmethod
    def registered(cls, profile: str) -> CharacteristicSuite:
        """Every characteristic that the registry knows, as the profile of that name wants it."""
        made = dict[str, Characteristic | PairCharacteristic]()
        for name, kind in characteristics.items():
            with ends_audit(plugin_named(characteristics, name)):
                one: object = made.setdefault(name, kind.configured(profile))
                if not isinstance(one, kind):
                    raise TypeError(f"configured gave no {kind.__name__} but {type(one).__name__}")
        return cls(
            {name: c for name, c in made.items() if isinstance(c, Characteristic)},
            {name: c for name, c in made.items() if isinstance(c, PairCharacteristic)},
        )

    @property
    def definitions(self) -> dict[str, Definition]:
        """What each measure means, by its id."""
        found = dict[str, Definition]()
        for one in self.directed.values():
            found.update(one.definitions)
        for pair in self.paired.values():
            found.update(pair.definitions)
        return found

    @property
    def parameters(self) -> dict[str, str]:
        """repr of each characteristic, by its role."""
        return {f"characteristic {name}": repr(c) for name, c in (*self.directed.items(), *self.paired.items())}

    def measure(self, evidence: Evidence, seed: int, baseline: str | None = None) -> Findings:
        """All characteristics of one direction, with their spread over generators.

        Args:
            seed: of the audit.
            baseline: the baseline that made the instances, on which only what asks for it is measured.
        """
        measures, series = dict[str, Measured](), dict[str, Series]()
        flagged, spread = dict[str, Tensor](), dict[str, list[float]]()
        for name, characteristic in self.directed.items():
            if baseline is None or characteristic.on_baselines:
                key = (name, baseline or "chosen", evidence.instances.source, evidence.instances.target)
                rng, plugin = generator_for(seed, *key), plugin_named(characteristics, name)
                if plugin is None:
                    found = characteristic.measure(evidence, rng=rng)
                    series.update(found.series)
                    flagged.update(found.flagged)
                else:
                    found = findings_of(plugin, characteristic, evidence, rng, spread=baseline is None)
                    series, flagged = {**found.series, **series}, {**found.flagged, **flagged}  # hides none of the own
                measures.update(found.measures)
                spread.update(found.by_generator)
        if baseline is None:
            for name, characteristic in self.directed.items():
                if plugin_named(characteristics, name) is None:
                    spread.update(characteristic.by_generator(evidence))
        return Findings(measures, series, flagged, spread)

    def compare(self, forth: dict[str, Measured], back: dict[str, Measured]) -> dict[str, Measured]:
        """Measures of a pair from those of its two directions."""
        found = dict[str, Measured]()
        for name, one in self.paired.items():
            plugin = plugin_named(characteristics, name)
            found.update(one.compare(forth, back) if plugin is None else comparison_of(plugin, one, forth, back))
        return found


def class_samples(train: Predictions, test: Predictions) -> SamplesOf:
    """A function that gives the samples of a class; the last few classes are kept."""

    @lru_cache(maxsize=8)
    def samples_of(label: int) -> ClassSamples:
        in_train, in_test = train.split.of_class(label), test.split.of_class(label)
        return ClassSamples(
            label=label,
            train=train.split.instances(in_train),
            test=test.split.instances(in_test),
            train_embeddings=None if train.embeddings is None else train.embeddings[in_train],
            test_embeddings=None if test.embeddings is None else test.embeddings[in_test],
        )

    return samples_of


def embedded(classifier: Classifier, generated: Sequence[BoundaryInstances]) -> Sequence[Tensor | None]:
    """The embedding of every direction's instances, None for all where the model has none."""
    if isinstance(classifier.embedding_size, NotMeasured):
        return [None] * len(generated)
    return classifier.of_each(classifier.embeddings, [found.x_boundary for found in generated])
