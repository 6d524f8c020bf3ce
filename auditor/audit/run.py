"""The audit, from its plan to its results: one stage after the other, each in a file of its own."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from auditor import __version__
from auditor.audit import facts
from auditor.audit.assembly import assembled, save_instances, with_samples
from auditor.audit.generation import configured, generate
from auditor.audit.measuring import Battery, class_samples, measure_directions
from auditor.audit.pairs import parse_pairs
from auditor.audit.performance import measure_performance
from auditor.audit.plan import Plan
from auditor.audit.predictions import predict_split
from auditor.audit.seeds import generator_for
from auditor.audit.sources import directions_of
from auditor.audit.stages import Report, Stages
from auditor.audit.subject import Subject, open_subject
from auditor.audit.summary import summarise
from auditor.audit.validity import validity_of
from auditor.boundary.base import Generator
from auditor.results import SCHEMA_VERSION, Cost, Gate, Results, RunFacts, ToolFacts


def run(plan: Plan, report: Report) -> tuple[Results, RunFacts]:
    """Do the whole audit that the plan describes.

    Args:
        plan: what to audit and how.
        report: told of progress.
    Returns:
        the results, equal for equal plans on one machine, and what varies from run to run.
    Raises:
        AuditError: the model, the data or an option stands in the way.
    """
    started, begin, stages = datetime.now(UTC), time.perf_counter(), Stages(report)
    generator = configured(plan.generator, plan.settings)  # first: a name that is wrong costs nothing yet
    with stages.stage("model and data"):
        subject = open_subject(plan, report)
    results = _audited(plan, subject, generator, stages)
    run_facts = RunFacts(
        schema_version=SCHEMA_VERSION,
        started=started.isoformat(timespec="seconds"),
        duration_seconds=time.perf_counter() - begin,
        stages=stages.seconds,
        host=facts.host(subject),
        peak_memory_bytes=facts.peak_memory(),
        cost=results.cost,
    )
    return results, run_facts


def _audited(plan: Plan, subject: Subject, generator: Generator, stages: Stages) -> Results:
    classifier, dataset = subject.classifier, subject.dataset
    chosen = parse_pairs(plan.pairs, dataset.class_names, dataset.train.labels.unique().tolist(), plan.max_pairs)
    battery = Battery.registered()
    with stages.stage("predictions"):
        train = predict_split(classifier, dataset.train, stages.report, "train")
        test = predict_split(classifier, dataset.test, stages.report, "test")
        performance = measure_performance(test, dataset.class_names, rng=generator_for(plan.seed, "performance"))
    generated = generate(classifier, train, directions_of(chosen), generator, plan, stages)
    with stages.stage("characteristics"):
        samples_of = class_samples(train, test)
        measured = measure_directions(classifier, battery, generated, samples_of, plan, stages.report)
    pairs = assembled(chosen, dataset.class_names, battery, generated, measured)
    summary = summarise(pairs, battery.definitions, plan.seed)
    with stages.stage("samples"):
        pairs = with_samples(pairs, summary.ranking[: plan.report_pairs], subject, generated.instances)
        if plan.instances_folder is not None:
            save_instances(Path(plan.instances_folder), generated.instances)
    with stages.stage("validity"):
        checks = [
            *subject.checks,
            *validity_of(classifier, train, test, performance, pairs, (plan.generator, generated.generator)),
        ]
    return Results(
        schema_version=SCHEMA_VERSION,
        tool=ToolFacts(name="deepdig-audit", version=__version__),
        model=facts.model_facts(subject),
        data=facts.data_facts(dataset),
        settings=facts.settings(plan, subject, generated, battery),
        environment=facts.environment(),
        # A later check of one name saw more data than the first.
        validity=list({check.id: check for check in checks}.values()),
        performance=performance,
        pairs=pairs,
        summary=summary,
        definitions=battery.definitions,
        cost=Cost(forward=classifier.spent.forward, backward=classifier.spent.backward),
        gate=Gate(status="not_configured", rules=[]),
    )
