"""The audit, from its plan to its results: plan, shards, collection.

Each stage stands in a file of its own. Only this module knows their order.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime

from auditor import __version__
from auditor.audit import circumstances as facts
from auditor.audit.all_pairs import AllPairs
from auditor.audit.budget import TimeBudget
from auditor.audit.finished_parts import Ledger, facts_of, resumed
from auditor.audit.model_facts.performance import measure_performance
from auditor.audit.model_facts.predictions import Predictions, predict_split
from auditor.audit.model_facts.sample_table import samples_of
from auditor.audit.model_facts.validity import (
    checks_of_fit,
    covered,
    finite_outputs,
    refuse_unfit,
    refuse_worthless,
    refusing_change,
    validity_of,
)
from auditor.audit.pairs.collect import Collected, sum_of
from auditor.audit.pairs.coverage import coverage_of
from auditor.audit.pairs.generation import choose_route, configured, prepared
from auditor.audit.pairs.margins import checked_search
from auditor.audit.pairs.measuring import Battery, class_samples
from auditor.audit.pairs.retraining import allowing_for_training
from auditor.audit.pairs.selection import AUTO_PAIRS, Selection, select_pairs
from auditor.audit.pairs.shard import Work
from auditor.audit.pairs.shown_baselines import baselines_of_shown
from auditor.audit.pairs.sources import directions_of
from auditor.audit.seeds import generator_for
from auditor.audit.stages import Report, Stages
from auditor.audit.subject import Subject, open_subject
from auditor.boundary.base import Generator
from auditor.documents.plan import Plan
from auditor.documents.results import SCHEMA_VERSION, Cost, Gate, Provenance, Results, RunFacts, ToolFacts, Validity
from auditor.documents.summary import RANKED_BY, ranking, summarise
from auditor.models.classifier import Classifier
from auditor.models.steadiness import ModelChanged, watched
from auditor.numbers.class_pairs import AUTO, MOST_PAIRS, parse_pairs
from auditor.worker import sandbox


def run(
    plan: Plan, report: Report, *, started: float | None = None, ledger: Ledger | None = None
) -> tuple[Results, RunFacts]:
    """Do the whole audit that the plan describes.

    Args:
        plan: what to audit and how.
        report: told of progress.
        started: when the time budget began to run, in seconds of ``time.monotonic``; now if not given.
        ledger: knows what an earlier run finished, and is told of every part that this one finishes.
    Returns:
        the results, equal for equal plans on one machine, and what varies from run to run.
    Raises:
        AuditError: the model, the data or an option stands in the way.
    """
    begun, begin, stages = datetime.now(UTC), time.perf_counter(), Stages(report)
    budget = TimeBudget(plan.time_budget, started if started is not None else time.monotonic())
    generator = configured(plan.generator, plan.settings)  # first: a name that is wrong costs nothing yet
    with stages.stage("model and data"):
        subject = open_subject(plan, report)
    ledger = ledger or Ledger()
    results = _audited(plan, subject, generator, stages, budget, ledger)
    run_facts = RunFacts(
        schema_version=SCHEMA_VERSION,
        started=begun.isoformat(timespec="seconds"),
        duration_seconds=time.perf_counter() - begin,
        stages=stages.seconds,
        host=facts.host(subject),
        peak_memory_bytes=facts.peak_memory(),
        cost=results.cost,
        pairs_taken_over=ledger.taken,
    )
    return results, run_facts


def _audited(
    plan: Plan, subject: Subject, generator: Generator, stages: Stages, budget: TimeBudget, ledger: Ledger
) -> Results:
    classifier, dataset = subject.classifier, subject.dataset
    refuse_worthless(classifier, subject.checks)
    route, battery = choose_route(classifier, generator, plan), Battery.registered(plan.profile)
    with refusing_change(classifier), stages.stage("predictions"):
        train = predict_split(classifier, dataset.train, stages.report, "train")
        test = predict_split(classifier, dataset.test, stages.report, "test")
        performance = measure_performance(test, dataset.class_names, rng=generator_for(plan.seed, "performance"))
        _check_start(classifier, "the predictions on the data", finite_outputs(classifier, train, test))
        fit = checks_of_fit(classifier, dataset, train, test, performance)
        refuse_unfit(fit, train, test, dataset.class_names, force=plan.force)
    selected = _selected(plan, subject, train, test)
    ledger.begin(facts_of(plan, subject), selected.pairs)
    with refusing_change(classifier):
        search, masking = checked_search(
            classifier, {"test": test, "train": train}, directions_of(selected.pairs), route.search, plan, stages
        )
        route = route.with_search(search)
        route = prepared(route, classifier, train, directions_of(selected.pairs), plan, stages)
    before = _spent(classifier)
    _check_start(classifier, "the preparations of the search")
    shown = min(plan.report_pairs, len(selected.pairs))
    everywhere = plan.settings.baselines == "all" or len(selected.pairs) <= shown
    work = Work(plan, subject, train, test, class_samples(train, test), route, battery, shown, everywhere)
    collected, everything = Collected(plan.report_pairs), AllPairs(work, selected.pairs, stages, budget, ledger)
    for part in everything.finished():
        collected.add(part)
    fragile_first = ranking(collected.pairs([]), RANKED_BY[0])
    pairs, baselines = allowing_for_training(collected.pairs(fragile_first), battery), Cost(forward=0, backward=0)
    summary = summarise(pairs, battery.definitions)
    if not work.baselines:
        pairs, baselines = baselines_of_shown(pairs, summary.ranking[:shown], work, stages, budget, ledger)
    coverage = coverage_of(selected, pairs, everything.failed, train, test, named=plan.pairs.strip() != AUTO)
    with stages.stage("validity"):
        steady = _ask_again(classifier, "all measurements")
        checks = [
            *subject.checks,
            *fit,
            *sandbox.checks(),
            masking,
            covered(coverage, pairs),
            *validity_of(classifier, train, test, pairs, (plan.generator, route.name)),
            *resumed(ledger.taken_over, len(selected.pairs)),
            *steady,
        ]
    return Results(
        schema_version=SCHEMA_VERSION,
        tool=ToolFacts(name="deepdig-audit", version=__version__),
        model=facts.model_facts(subject, plan.model.output),
        data=facts.data_facts(dataset),
        settings=facts.settings(plan, subject, route, battery, pairs),
        environment=facts.environment(),
        # A later check of one name saw more data than the first.
        validity=list({check.id: check for check in checks}.values()),
        performance=performance,
        samples=samples_of(train, test, pairs),
        coverage=coverage,
        pairs=pairs,
        summary=summary,
        definitions=battery.definitions,
        cost=sum_of([before, collected.cost, baselines]),
        gate=Gate(status="not_configured", rules=[]),
        provenance=Provenance(taken_over=ledger.taken_over),
    )


def _check_start(classifier: Classifier, after: str, *checks: Validity) -> None:
    """Refuse a model that changed its answers, or has none, before anything was measured."""
    _ask_again(classifier, after)
    refuse_worthless(classifier, checks)


def _ask_again(classifier: Classifier, after: str) -> list[Validity]:
    """Whether the model still gives the answers that it gave before, where somebody has watched it."""
    watch = watched(classifier.backend)
    if watch is None:
        return []
    with suppress(ModelChanged):  # the check says so
        watch.check(after)
    return [watch.validity()]


def _selected(plan: Plan, subject: Subject, train: Predictions, test: Predictions) -> Selection:
    """The pairs to audit, in the order in which they are worked on."""
    if plan.pairs.strip() == AUTO:
        most = plan.max_pairs or AUTO_PAIRS
        return select_pairs(train, test, most, rng=generator_for(plan.seed, "pairs"))
    pairs = parse_pairs(plan.pairs, subject.dataset.class_names, train.classes, plan.max_pairs or MOST_PAIRS)
    named = "all" if plan.pairs.strip() == "all" else "named"
    return Selection(pairs, [named] * len(pairs))


def _spent(classifier: Classifier) -> Cost:
    return Cost(forward=classifier.spent.forward, backward=classifier.spent.backward)
