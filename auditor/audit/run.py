"""The audit, from its plan to its results: plan, shards, collection.

Each stage stands in a file of its own. Only this module knows their order.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from auditor import __version__
from auditor.audit import facts
from auditor.audit.assembly import with_baselines
from auditor.audit.budget import TimeBudget
from auditor.audit.collect import Collected, sum_of
from auditor.audit.coverage import AUTO, coverage_of
from auditor.audit.generation import choose_route, configured, prepared
from auditor.audit.measuring import Battery, class_samples
from auditor.audit.pairs import MOST_PAIRS, Pair, parse_pairs
from auditor.audit.performance import measure_performance
from auditor.audit.plan import Plan
from auditor.audit.predictions import Predictions, predict_split
from auditor.audit.seeds import generator_for
from auditor.audit.selection import AUTO_PAIRS, Selection, select_pairs
from auditor.audit.shard import ShardResult, Work, run_baselines, run_shard
from auditor.audit.shards import pairs_at_once, shards_of
from auditor.audit.sources import directions_of
from auditor.audit.stages import Report, Stages
from auditor.audit.subject import Subject, open_subject
from auditor.audit.summary import summarise
from auditor.audit.validity import covered, validity_of
from auditor.boundary.base import Generator
from auditor.models.classifier import Classifier
from auditor.results import SCHEMA_VERSION, Baseline, Cost, Gate, NotMeasured, Results, RunFacts, ToolFacts
from auditor.results import Pair as AuditedPair

PAIRS = "class pairs"
"""Name of the stage that takes nearly all of the time."""


def run(plan: Plan, report: Report, *, started: float | None = None) -> tuple[Results, RunFacts]:
    """Do the whole audit that the plan describes.

    Args:
        plan: what to audit and how.
        report: told of progress.
        started: when the time budget began to run, in seconds since the epoch; now if not given.
    Returns:
        the results, equal for equal plans on one machine, and what varies from run to run.
    Raises:
        AuditError: the model, the data or an option stands in the way.
    """
    begun, begin, stages = datetime.now(UTC), time.perf_counter(), Stages(report)
    budget = TimeBudget(plan.time_budget, started if started is not None else time.time())
    generator = configured(plan.generator, plan.settings)  # first: a name that is wrong costs nothing yet
    with stages.stage("model and data"):
        subject = open_subject(plan, report)
    results = _audited(plan, subject, generator, stages, budget)
    run_facts = RunFacts(
        schema_version=SCHEMA_VERSION,
        started=begun.isoformat(timespec="seconds"),
        duration_seconds=time.perf_counter() - begin,
        stages=stages.seconds,
        host=facts.host(subject),
        peak_memory_bytes=facts.peak_memory(),
        cost=results.cost,
    )
    return results, run_facts


def _audited(plan: Plan, subject: Subject, generator: Generator, stages: Stages, budget: TimeBudget) -> Results:
    classifier, dataset = subject.classifier, subject.dataset
    route, battery = choose_route(classifier, generator, plan), Battery.registered()
    with stages.stage("predictions"):
        train = predict_split(classifier, dataset.train, stages.report, "train")
        test = predict_split(classifier, dataset.test, stages.report, "test")
        performance = measure_performance(test, dataset.class_names, rng=generator_for(plan.seed, "performance"))
    selected = _selected(plan, subject, train, test)
    route = prepared(route, classifier, train, directions_of(selected.pairs), plan, stages)
    before = _spent(classifier)
    shown = min(plan.report_pairs, len(selected.pairs))
    everywhere = plan.settings.baselines == "all" or len(selected.pairs) <= shown
    work = Work(plan, subject, train, class_samples(train, test), route, battery, shown, everywhere)
    collected = Collected(plan.report_pairs)
    for result in _shards_in_time(work, selected.pairs, stages, budget):
        collected.add(result)
    summary = summarise(collected.pairs([]), battery.definitions, plan.seed)
    pairs = collected.pairs(summary.ranking)
    before_baselines = _spent(classifier)
    if not work.baselines:
        pairs = _with_baselines(pairs, summary.ranking[:shown], work, stages, budget)
    baselines = _difference(_spent(classifier), before_baselines)
    done = [pair.classes for pair in pairs]
    coverage = coverage_of(plan.pairs, selected.only(done).text, selected.pairs, done, train, test)
    with stages.stage("validity"):
        checks = [
            *subject.checks,
            covered(coverage, pairs),
            *validity_of(classifier, train, test, performance, pairs, (plan.generator, route.name)),
        ]
    return Results(
        schema_version=SCHEMA_VERSION,
        tool=ToolFacts(name="deepdig-audit", version=__version__),
        model=facts.model_facts(subject),
        data=facts.data_facts(dataset),
        settings=facts.settings(plan, subject, route, battery, pairs),
        environment=facts.environment(),
        # A later check of one name saw more data than the first.
        validity=list({check.id: check for check in checks}.values()),
        performance=performance,
        coverage=coverage,
        pairs=pairs,
        summary=summary,
        definitions=battery.definitions,
        cost=sum_of([before, collected.cost, baselines]),
        gate=Gate(status="not_configured", rules=[]),
    )


def _selected(plan: Plan, subject: Subject, train: Predictions, test: Predictions) -> Selection:
    """The pairs to audit, in the order in which they are worked on."""
    if plan.pairs.strip() == AUTO:
        most = plan.max_pairs or AUTO_PAIRS
        return select_pairs(train, test, most, rng=generator_for(plan.seed, "pairs"))
    pairs = parse_pairs(plan.pairs, subject.dataset.class_names, train.classes, plan.max_pairs or MOST_PAIRS)
    named = "all" if plan.pairs.strip() == "all" else "named"
    return Selection(pairs, [named] * len(pairs))


def _shards_in_time(work: Work, pairs: list[Pair], stages: Stages, budget: TimeBudget) -> Iterator[ShardResult]:
    """Results of the shards, as many of them as fit the time budget."""
    finished = 0

    def report(stage: str, done: int, total: int, detail: str = "") -> None:
        stages.report(PAIRS, finished, len(pairs), f"{stage} {100 * done // max(1, total)} %")

    at_once = _pairs_at_once(work)
    while finished < len(pairs) and (fitting := budget.fitting(at_once)):
        # Cut evenly where time is no matter; with a budget the shards differ, since each takes what the time allows.
        rest = pairs[finished:]
        shard = shards_of(rest, at_once)[0] if budget.seconds is None else rest[:fitting]
        result = run_shard(shard, work, stages.reporting_to(report))
        budget.took(len(shard), result.seconds)
        finished += len(shard)
        yield result


def _pairs_at_once(work: Work) -> int:
    classifier = work.subject.classifier
    largest = int(work.train.split.labels.bincount().max()) if len(work.train.split) else 0
    sources = min(largest, work.plan.settings.samples_per_class or largest)
    return pairs_at_once(classifier.instance_shape, sources, classifier.device.type)


def _with_baselines(
    pairs: list[AuditedPair], shown: Sequence[Pair], work: Work, stages: Stages, budget: TimeBudget
) -> list[AuditedPair]:
    """The pairs, with the baselines of those that the report shows on a page of their own, as far as time allows."""
    found: dict[Pair, dict[str, Baseline | NotMeasured]] = {}
    for done, pair in enumerate(shown):
        stages.report("baselines", done, len(shown), f"classes {pair[0]} and {pair[1]}")
        if budget.fitting(1):
            found |= run_baselines([pair], work, stages.reporting_to(lambda stage, done, total, detail="": None))
    spent = "the time budget was spent"
    elsewhere = "baselines are measured for the pairs with a page of their own; --profile thorough measures all"
    for one in pairs:
        reason = spent if one.classes in shown else elsewhere
        for direction in directions_of([one.classes]):
            found.setdefault(direction, dict.fromkeys(work.route.baselines, NotMeasured(not_measured=reason)))
    return with_baselines(pairs, found)


def _spent(classifier: Classifier) -> Cost:
    return Cost(forward=classifier.spent.forward, backward=classifier.spent.backward)


def _difference(after: Cost, before: Cost) -> Cost:
    return Cost(forward=after.forward - before.forward, backward=after.backward - before.backward)
