"""One shard of an audit: boundary instances of a few class pairs generated, measured, and let go.

A shard is a whole number of class pairs, so few that their instances fit into memory. Its pairs share the model's
batches; what is left of it are plain numbers, so memory does not grow with the number of pairs. Each pair draws from
its own random generators; how the pairs are cut into shards depends on the plan, the model and the data alone, never on
a measurement.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from auditor.boundary.base import BoundaryInstances
from auditor.characteristics.base import NO_MARGINS, Evidence, SampleMargins, SplitName
from auditor.documents.pair_outcomes import DirectionOutcome, FirstMargins, PairOutcome, PairsPart
from auditor.documents.plan import Plan
from auditor.documents.results import Baseline, Cost, Flagged, NotMeasured, Sources
from auditor.models.determinism import not_finite
from auditor.numbers.class_pairs import ClassPair, directions_of
from auditor.pipeline.model_and_data import Subject
from auditor.pipeline.model_facts.predictions import Predictions
from auditor.pipeline.pairs.generation import GenerationSetup, generate, generation_counts
from auditor.pipeline.pairs.instance_files import save_instances
from auditor.pipeline.pairs.margins import NOTHING, document, sample_margins
from auditor.pipeline.pairs.measuring import COARSER, CharacteristicSuite, SamplesOf, embedded
from auditor.pipeline.pairs.sample_images import sample_grid, shrink_factor
from auditor.pipeline.pairs.sources import sources_of
from auditor.pipeline.stages import Stages

SPLIT: SplitName = "train"
"""Where generators take their sources."""
VALUES = {"cpu": 2**22, "cuda": 2**26}
"""Pixels of the sources of all directions of a shard. Some twenty such tensors live at once, 350 MB on a CPU."""
MOST_PAIRS = {"cpu": 8, "cuda": 32}
"""Pairs of a shard. On a CPU few, since batches are full all the same and an audit that is cut off loses the less."""
T = TypeVar("T")


@dataclass(frozen=True)
class Work:
    """What every shard of an audit needs.

    Args:
        plan: of the audit.
        subject: model and data.
        train, test: the artefact's answers on each split.
        samples_of: the samples of a class.
        setup: who makes the boundary instances.
        suite: what is measured on them.
        shown: pairs that the report shows on a page of their own.
        baselines: whether every pair gets its baselines at once; else those shown get them in the end.
    """

    plan: Plan
    subject: Subject
    train: Predictions
    test: Predictions
    samples_of: SamplesOf
    setup: GenerationSetup
    suite: CharacteristicSuite
    shown: int
    baselines: bool

    @property
    def answers(self) -> dict[SplitName, Predictions]:
        """The artefact's answers by split."""
        return {"test": self.test, "train": self.train}

    def evidence(
        self,
        of: BoundaryInstances,
        embedded: Tensor | None,
        margins: Mapping[SplitName, SampleMargins] | NotMeasured = NO_MARGINS,
        *,
        coarser: float = 1.0,
        drawn: bool = True,
    ) -> Evidence:
        """What is measured of these instances, to a precision so many times as coarse as the plan's."""
        source, target = self.samples_of(of.source), self.samples_of(of.target)
        precision = coarser * self.plan.settings.precision
        return Evidence(self.subject.classifier, source, target, of, precision, margins, embedded, drawn)

    def metered(self, do: Callable[[], T]) -> tuple[T, Cost, int]:
        """What ``do`` returns, what it cost, and for how many instances the model gave NaN or infinity meanwhile."""
        spent, backend = self.subject.classifier.spent, self.subject.classifier.backend
        forward, backward, bad = spent.forward, spent.backward, not_finite(backend)
        done = do()
        cost = Cost(forward=spent.forward - forward, backward=spent.backward - backward)
        return done, cost, not_finite(backend) - bad


@dataclass(frozen=True)
class Generated:
    """One direction while its tensors are there.

    Args:
        sources: int64 ``(N,)``, places in the training split of the samples that the generator was given.
        instances: what it made of them.
        margins: of single samples, by split.
        embedded: float32 ``(M, E)`` of the boundary instances, None where the model has no embedding.
    """

    sources: Tensor
    instances: BoundaryInstances
    margins: Mapping[SplitName, SampleMargins]
    embedded: Tensor | None


def pairs_at_once(instance_shape: Sequence[int], sources: int, device: str, *, large: bool = False) -> int:
    """How many pairs one shard holds.

    Args:
        instance_shape: of one instance.
        sources: of one direction.
        device: type of device that computes.
        large: the model takes so long that its batches need not be full; on a CPU each pair is then a shard of its own,
            so that many workers have something to do.
    """
    if large and device == "cpu":
        return 1
    direction = max(1, sources) * math.prod(instance_shape)
    kind = "cpu" if device == "cpu" else "cuda"
    return max(1, min(MOST_PAIRS[kind], VALUES[kind] // (2 * direction)))


def shards_of(pairs: Sequence[ClassPair], at_once: int) -> list[list[ClassPair]]:
    """The pairs in their order, cut into as few shards as can be, of nearly equal size.

    >>> [len(shard) for shard in shards_of([(0, i) for i in range(1, 12)], 5)]
    [4, 4, 3]
    """
    count = math.ceil(len(pairs) / at_once)
    ends = [round(len(pairs) * i / count) for i in range(count + 1)] if count else [0]
    return [list(pairs[a:b]) for a, b in itertools.pairwise(ends)]


def run_shard(
    shard: Sequence[ClassPair], work: Work, stages: Stages, known: Mapping[ClassPair, FirstMargins] = NOTHING
) -> PairsPart:
    """Audit the pairs of one shard, going on from what their screening found."""
    begin = time.perf_counter()
    pairs, cost, bad = work.metered(lambda: _audited(shard, work, stages, known))
    return PairsPart(pairs=pairs, cost=cost, seconds=time.perf_counter() - begin, not_finite=bad)


def _audited(
    shard: Sequence[ClassPair], work: Work, stages: Stages, known: Mapping[ClassPair, FirstMargins]
) -> list[PairOutcome]:
    generated = _generated(directions_of(shard), work, stages, known)
    outcomes = measured(generated, work, stages)
    if work.baselines:
        for direction, baselines in run_baselines(shard, work, stages).items():
            outcomes[direction].baselines = baselines
    if work.plan.instances_folder is not None:
        for made in generated.values():
            origin = made.sources[made.instances.origin]
            save_instances(Path(work.plan.instances_folder), made.instances, SPLIT, origin, work.train.split.files)
    return [PairOutcome((a, b), (outcomes[a, b], outcomes[b, a])) for a, b in shard]


def measured(
    generated: Mapping[ClassPair, Generated], work: Work, stages: Stages, *, coarser: float = 1.0, drawn: bool = True
) -> dict[ClassPair, DirectionOutcome]:
    """What is measured and shown of each direction, without baselines, to a precision so many times as coarse.

    Args:
        drawn: as of ``Evidence``.
    """
    outcomes = dict[ClassPair, DirectionOutcome]()
    with stages.stage("Characteristics"):
        for done, (direction, made) in enumerate(generated.items()):
            evidence = work.evidence(made.instances, made.embedded, made.margins, coarser=coarser, drawn=drawn)
            outcomes[direction] = _measured(made, work, evidence)
            source, target = direction
            stages.report("Characteristics", done + 1, len(generated), f"class {source} to {target}")
    with stages.stage("Sample images"):
        shape = work.subject.dataset.image_shape
        factor = shrink_factor(shape, 2 * work.shown) if shape else 1
        for direction, made in generated.items():
            outcomes[direction].samples = sample_grid(work.subject.classifier, made.instances, shape, factor)
    return outcomes


def _generated(
    directions: Sequence[ClassPair], work: Work, stages: Stages, known: Mapping[ClassPair, FirstMargins]
) -> dict[ClassPair, Generated]:
    classifier, plan = work.subject.classifier, work.plan
    made = generate(classifier, work.train, directions, (work.setup.name, work.setup.generator), plan, stages)
    margins = sample_margins(classifier, work.answers, directions, work.setup.search, plan, stages, known)
    limit = plan.settings.samples_per_class
    return {
        (of.source, of.target): Generated(sources_of(work.train, of.source, limit, plan.seed), of, nearest, embedding)
        for of, nearest, embedding in zip(made, margins, embedded(classifier, made), strict=True)
    }


def _measured(made: Generated, work: Work, evidence: Evidence) -> DirectionOutcome:
    """What is measured on one direction, without images and baselines."""
    instances = made.instances
    findings = work.suite.measure(evidence, work.plan.seed)
    of_class = work.train.split.of_class(instances.source)
    return DirectionOutcome(
        source=instances.source,
        target=instances.target,
        sources=Sources(split=SPLIT, index=made.sources.tolist()),
        margins={name: document(margins) for name, margins in made.margins.items()},
        flagged=[
            Flagged(flag=flag, split="train", index=of_class[rows].tolist()) for flag, rows in findings.flagged.items()
        ],
        generation=generation_counts(instances),
        characteristics=dict(findings.measures),
        by_generator={id: list(values) for id, values in findings.by_generator.items()},
        series=dict(findings.series),
        samples=NotMeasured(not_measured="sample images were not asked for"),
    )


def run_baselines(
    pairs: Sequence[ClassPair], work: Work, stages: Stages
) -> dict[ClassPair, dict[str, Baseline | NotMeasured]]:
    """RPBS and EPBS for both directions of some pairs: what asks for it measured on their instances."""
    classifier, plan, directions = work.subject.classifier, work.plan, directions_of(pairs)
    found: dict[ClassPair, dict[str, Baseline | NotMeasured]] = {direction: {} for direction in directions}
    for name, generator in work.setup.baselines.items():
        if isinstance(generator, NotMeasured):
            for measured in found.values():
                measured[name] = generator
            continue
        made = generate(classifier, work.train, directions, (name, generator), plan, stages)
        with stages.stage("Characteristics"):
            for of, embedding in zip(made, embedded(classifier, made), strict=True):
                evidence = work.evidence(of, embedding, coarser=COARSER, drawn=False)
                findings = work.suite.measure(evidence, plan.seed, baseline=name)
                found[of.source, of.target][name] = Baseline(
                    generation=generation_counts(of), characteristics=dict(findings.measures)
                )
    return found
