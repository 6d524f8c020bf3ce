"""Every characteristic on every direction, and on the baselines those that ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from torch import Tensor

from auditor.audit.model_facts.predictions import Predictions
from auditor.audit.pairs.generation import generation_counts
from auditor.audit.seeds import generator_for
from auditor.audit.stages import Report
from auditor.boundary.base import BoundaryInstances
from auditor.characteristics.base import (
    Characteristic,
    ClassSamples,
    Evidence,
    Findings,
    PairCharacteristic,
    SampleMargins,
    SplitName,
    characteristics,
)
from auditor.documents.plan import Plan
from auditor.documents.results import Baseline, Definition, Measured, NotMeasured, Series
from auditor.models.classifier import Classifier
from auditor.numbers.class_pairs import Pair

COARSER = 2.0
"""Baselines are there to compare with: their intervals may be this many times as wide as those of the main numbers."""

SamplesOf = Callable[[int], ClassSamples]


@dataclass(frozen=True)
class Battery:
    """All characteristics, ready to measure.

    Args:
        directed: by id, those of one direction.
        paired: by id, those that compare both directions of a pair.
    """

    directed: dict[str, Characteristic]
    paired: dict[str, PairCharacteristic]

    @classmethod
    def registered(cls, profile: str) -> Battery:
        """Every characteristic that the registry knows, as the profile of that name wants it."""
        made = {name: kind.configured(profile) for name, kind in characteristics.items()}
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

    def compare(self, forth: dict[str, Measured], back: dict[str, Measured]) -> dict[str, Measured]:
        """Measures of a pair from those of its two directions."""
        return {id: m for c in self.paired.values() for id, m in c.compare(forth, back).items()}


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


def measure_directions(
    classifier: Classifier,
    battery: Battery,
    generated: Sequence[BoundaryInstances],
    margins: Sequence[Mapping[SplitName, SampleMargins]],
    samples_of: SamplesOf,
    plan: Plan,
    report: Report,
) -> list[Findings]:
    """Measure every direction, in the order in which they were generated."""
    total, measured = len(generated), []
    embedded = _embedded(classifier, generated)
    for row, (found, of_samples) in enumerate(zip(generated, margins, strict=True)):
        source, target = samples_of(found.source), samples_of(found.target)
        evidence = Evidence(classifier, source, target, found, plan.settings.precision, of_samples, embedded[row])
        findings = _measure(battery.directed, evidence, plan.seed, "chosen")
        spread = {id: v for c in battery.directed.values() for id, v in c.by_generator(evidence).items()}
        measured.append(replace(findings, by_generator={**findings.by_generator, **spread}))
        report("Characteristics", row + 1, total, f"class {found.source} to {found.target}")
    return measured


def measure_baselines(
    classifier: Classifier,
    battery: Battery,
    generated: dict[str, list[BoundaryInstances] | NotMeasured],
    directions: Sequence[Pair],
    samples_of: SamplesOf,
    plan: Plan,
) -> list[dict[str, Baseline | NotMeasured]]:
    """Measure what asks for it on the baselines' instances, direction by direction."""
    wanted = {id: c for id, c in battery.directed.items() if c.on_baselines}
    measured = []
    embedded = {k: _embedded(classifier, of) for k, of in generated.items() if not isinstance(of, NotMeasured)}
    for row, (source, target) in enumerate(directions):
        found: dict[str, Baseline | NotMeasured] = {}
        for name, instances in generated.items():
            if isinstance(instances, NotMeasured):
                found[name] = instances
                continue
            one, precision = instances[row], COARSER * plan.settings.precision
            samples = samples_of(source), samples_of(target)
            evidence = Evidence(classifier, *samples, one, precision, embedded=embedded[name][row])
            measures = _measure(wanted, evidence, plan.seed, name).measures
            found[name] = Baseline(generation=generation_counts(one), characteristics=dict(measures))
        measured.append(found)
    return measured


def _embedded(classifier: Classifier, generated: Sequence[BoundaryInstances]) -> Sequence[Tensor | None]:
    """The embedding of every direction's instances, None for all where the model has none."""
    if isinstance(classifier.embedding_size, NotMeasured):
        return [None] * len(generated)
    return classifier.of_each(classifier.embeddings, [found.x_boundary for found in generated])


def _measure(wanted: dict[str, Characteristic], evidence: Evidence, seed: int, role: str) -> Findings:
    measures: dict[str, Measured] = {}
    series: dict[str, Series] = {}
    flagged: dict[str, Tensor] = {}
    by_generator: dict[str, list[float]] = {}
    for name, characteristic in wanted.items():
        rng = generator_for(seed, name, role, evidence.instances.source, evidence.instances.target)
        found = characteristic.measure(evidence, rng=rng)
        measures.update(found.measures)
        series.update(found.series)
        flagged.update(found.flagged)
        by_generator.update(found.by_generator)
    return Findings(measures, series, flagged, by_generator)
