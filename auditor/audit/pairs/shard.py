"""One shard of an audit: boundary instances of its class pairs generated, measured, and let go."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.audit.model_facts.predictions import Predictions
from auditor.audit.pairs.assembly import DirectionOutcome, assembled, save_instances, with_baselines, with_samples
from auditor.audit.pairs.generation import Route, generate, generate_baselines
from auditor.audit.pairs.margins import sample_margins
from auditor.audit.pairs.measuring import Battery, SamplesOf, measure_baselines, measure_directions
from auditor.audit.pairs.sources import directions_of, sources_of
from auditor.audit.stages import Stages
from auditor.audit.subject import Subject
from auditor.characteristics.base import SplitName
from auditor.documents.parts import FinishedPairs
from auditor.documents.plan import Plan
from auditor.documents.results import Baseline, Cost, NotMeasured
from auditor.models.steadiness import not_finite
from auditor.numbers.class_pairs import Pair as Classes


@dataclass(frozen=True)
class Work:
    """What every shard of an audit needs.

    Args:
        plan: of the audit.
        subject: model and data.
        train, test: the artefact's answers on each split.
        samples_of: the samples of a class.
        route: who makes the boundary instances.
        battery: what is measured on them.
        shown: pairs that the report shows on a page of their own.
        baselines: whether every pair gets its baselines at once; else those shown get them in the end.
    """

    plan: Plan
    subject: Subject
    train: Predictions
    test: Predictions
    samples_of: SamplesOf
    route: Route
    battery: Battery
    shown: int
    baselines: bool

    @property
    def answers(self) -> dict[SplitName, Predictions]:
        """The artefact's answers by split."""
        return {"test": self.test, "train": self.train}


def run_shard(shard: Sequence[Classes], work: Work, stages: Stages) -> FinishedPairs:
    """Audit the pairs of one shard."""
    classifier, begin = work.subject.classifier, time.perf_counter()
    forward, backward = classifier.spent.forward, classifier.spent.backward
    bad_before = not_finite(classifier.backend)
    directions, answers = directions_of(shard), work.answers
    generated = generate(classifier, work.train, directions, work.route, work.plan, stages)
    margins = sample_margins(classifier, answers, directions, work.route.search, work.plan, stages)
    with stages.stage("Characteristics"):
        measured = measure_directions(
            classifier, work.battery, generated, margins, work.samples_of, work.plan, stages.report
        )
    limit, seed = work.plan.settings.samples_per_class, work.plan.seed
    outcomes = [
        DirectionOutcome(sources_of(work.train, instances.source, limit, seed), instances, of_samples, findings)
        for instances, of_samples, findings in zip(generated, margins, measured, strict=True)
    ]
    pairs = assembled(shard, work.subject.dataset, work.battery, outcomes)
    if work.baselines:
        pairs = with_baselines(pairs, run_baselines(shard, work, stages))
    with stages.stage("Sample images"):
        pairs = with_samples(pairs, 2 * work.shown, work.subject, generated)
        if work.plan.instances_folder is not None:
            save_instances(Path(work.plan.instances_folder), outcomes, work.train.split.files)
    cost = Cost(forward=classifier.spent.forward - forward, backward=classifier.spent.backward - backward)
    seconds, bad = time.perf_counter() - begin, not_finite(classifier.backend) - bad_before
    return FinishedPairs(pairs=pairs, cost=cost, seconds=seconds, not_finite=bad)


def run_baselines(
    shard: Sequence[Classes], work: Work, stages: Stages
) -> dict[Classes, dict[str, Baseline | NotMeasured]]:
    """RPBS and EPBS for both directions of some pairs."""
    classifier, directions = work.subject.classifier, directions_of(shard)
    generated = generate_baselines(classifier, work.train, directions, work.route, work.plan, stages)
    with stages.stage("Characteristics"):
        measured = measure_baselines(classifier, work.battery, generated, directions, work.samples_of, work.plan)
    return dict(zip(directions, measured, strict=True))
