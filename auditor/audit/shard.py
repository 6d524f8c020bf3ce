"""One shard of an audit: boundary instances of its class pairs generated, measured, and let go."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.audit.assembly import assembled, save_instances, with_baselines, with_samples
from auditor.audit.generation import Route, generate, generate_baselines
from auditor.audit.measuring import Battery, SamplesOf, measure_baselines, measure_directions
from auditor.audit.pairs import Pair as Classes
from auditor.audit.parts import FinishedPairs
from auditor.audit.plan import Plan
from auditor.audit.predictions import Predictions
from auditor.audit.sources import directions_of
from auditor.audit.stages import Stages
from auditor.audit.subject import Subject
from auditor.results import Baseline, Cost, NotMeasured


@dataclass(frozen=True)
class Work:
    """What every shard of an audit needs.

    Args:
        plan: of the audit.
        subject: model and data.
        train: the artefact's answers on the training split.
        samples_of: the samples of a class.
        route: who makes the boundary instances.
        battery: what is measured on them.
        shown: pairs that the report shows on a page of their own.
        baselines: whether every pair gets its baselines at once; else those shown get them in the end.
    """

    plan: Plan
    subject: Subject
    train: Predictions
    samples_of: SamplesOf
    route: Route
    battery: Battery
    shown: int
    baselines: bool


def run_shard(shard: Sequence[Classes], work: Work, stages: Stages) -> FinishedPairs:
    """Audit the pairs of one shard."""
    classifier, begin = work.subject.classifier, time.perf_counter()
    forward, backward = classifier.spent.forward, classifier.spent.backward
    generated = generate(classifier, work.train, directions_of(shard), work.route, work.plan, stages)
    with stages.stage("Characteristics"):
        measured = measure_directions(classifier, work.battery, generated, work.samples_of, work.plan, stages.report)
    pairs = assembled(shard, work.subject.dataset.class_names, work.battery, generated, measured)
    if work.baselines:
        pairs = with_baselines(pairs, run_baselines(shard, work, stages))
    with stages.stage("Sample images"):
        pairs = with_samples(pairs, 2 * work.shown, work.subject, generated.instances)
        if work.plan.instances_folder is not None:
            save_instances(Path(work.plan.instances_folder), generated.instances)
    cost = Cost(forward=classifier.spent.forward - forward, backward=classifier.spent.backward - backward)
    return FinishedPairs(pairs=pairs, cost=cost, seconds=time.perf_counter() - begin)


def run_baselines(
    shard: Sequence[Classes], work: Work, stages: Stages
) -> dict[Classes, dict[str, Baseline | NotMeasured]]:
    """RPBS and EPBS for both directions of some pairs."""
    classifier, directions = work.subject.classifier, directions_of(shard)
    generated = generate_baselines(classifier, work.train, directions, work.route, work.plan, stages)
    with stages.stage("Characteristics"):
        measured = measure_baselines(classifier, work.battery, generated, directions, work.samples_of, work.plan)
    return dict(zip(directions, measured, strict=True))
