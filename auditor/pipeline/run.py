"""The audit, from its plan to its results: plan, shards, collection.

Each stage stands in a file of its own. Only this module knows their order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from auditor import __version__
from auditor.boundary.base import Generator
from auditor.characteristics.base import SplitName
from auditor.documents.plan import Plan
from auditor.documents.ranking_and_summary import summarise
from auditor.documents.results import SCHEMA_VERSION, Cost, Gate, Provenance, Results, RunFacts, ToolFacts, Validity
from auditor.errors import AuditIncomplete
from auditor.models.classifier import Classifier
from auditor.models.determinism import ModelChanged, watched
from auditor.numbers.class_pairs import AUTO, MOST_PAIRS, directions_of, parse_pairs
from auditor.pipeline import provenance as facts
from auditor.pipeline.all_pairs import AuditedPairs, audited_pairs, sum_of
from auditor.pipeline.crew import Helpers
from auditor.pipeline.inspect.estimate import expected_memory, foretold, of_a_unit
from auditor.pipeline.model_and_data import Subject, open_subject
from auditor.pipeline.model_facts.performance import measure_performance
from auditor.pipeline.model_facts.predictions import Predictions, bytes_of, predict_split, samples_of
from auditor.pipeline.model_facts.validity import (
    checks_of_fit,
    covered,
    finite_outputs,
    refuse_unfit,
    refuse_worthless,
    refusing_change,
    validity_of,
)
from auditor.pipeline.pairs.generation import GenerationSetup, choose_setup, configured, prepared
from auditor.pipeline.pairs.margins import checked_search
from auditor.pipeline.pairs.measuring import CharacteristicSuite, class_samples
from auditor.pipeline.pairs.outline import outlined_by
from auditor.pipeline.pairs.selection import AUTO_PAIRS, Selection, coverage_of, select_pairs
from auditor.pipeline.pairs.shard import Work
from auditor.pipeline.plugins_in_use import in_use, plugin_checks
from auditor.pipeline.resume import FinishedParts, facts_of, resumed
from auditor.pipeline.seeds import generator_for
from auditor.pipeline.stages import Report, Stages
from auditor.pipeline.tasks_out import most_tasks, sources_at_most
from auditor.pipeline.time_budget import SPENT, OutOfTime, TimeBudget, at_most
from auditor.worker import sandbox
from auditor.worker.processor import mixed

SHARED_START = 0.25
"""Of the time left, what a generator may take under a time budget to learn from the audit as a whole."""
LEAST_FOR_PREDICTIONS = 10.0
"""Seconds that predictions have under any time budget: without them there is nothing to say."""


def run(
    plan: Plan,
    report: Report,
    *,
    started: float | None = None,
    finished_parts: FinishedParts | None = None,
    helpers: Helpers | None = None,
    opened: Callable[[Plan, Report], Subject] = open_subject,
) -> tuple[Results, RunFacts]:
    """Do the whole audit that the plan describes.

    Args:
        plan: what to audit and how.
        report: told of progress.
        started: when the time budget began to run, in seconds of ``time.monotonic``; now if not given.
        finished_parts: knows what an earlier run finished, and is told of every part that this one finishes.
        helpers: to whom tasks are handed, where there are any.
        opened: makes model and data ready; from their files unless told otherwise.
    Returns:
        the results, equal for equal plans on one machine, and what varies from run to run.
    Raises:
        AuditError: the model, the data or an option stands in the way.
    """
    begun, begin, stages = datetime.now(UTC), time.perf_counter(), Stages(report)
    budget = TimeBudget(plan.time_budget, started if started is not None else time.monotonic())
    generator = configured(plan.generator, plan.settings)  # first: a name that is wrong costs nothing yet
    with stages.stage("model and data"):
        subject = opened(plan, report)
    finished_parts, helpers = finished_parts or FinishedParts(), helpers or Helpers()
    results, audited = _audited(plan, subject, generator, stages, budget, finished_parts, helpers)
    run_facts = RunFacts(
        started=begun.isoformat(timespec="seconds"),
        duration_seconds=time.perf_counter() - begin,
        stages=stages.seconds,
        host=facts.host(subject),
        workers=1 + len(audited.memory),
        peak_memory_bytes=facts.peak_memory() + sum(audited.memory.values()),
        tasks=audited.tasks,
        cost=results.cost,
        pairs_taken_over=finished_parts.taken,
    )
    return results, run_facts


def _audited(
    plan: Plan,
    subject: Subject,
    generator: Generator,
    stages: Stages,
    budget: TimeBudget,
    finished_parts: FinishedParts,
    helpers: Helpers,
) -> tuple[Results, AuditedPairs]:
    classifier, dataset = subject.classifier, subject.dataset
    refuse_worthless(classifier, subject.checks)
    setup, suite = choose_setup(classifier, generator, plan), CharacteristicSuite.registered(plan.profile)
    with refusing_change(classifier), stages.stage("predictions"):
        train, test = _predicted(subject, stages, budget)
        performance = measure_performance(test, dataset.class_names, rng=generator_for(plan.seed, "performance"))
        _check_start(classifier, "the predictions on the data", finite_outputs(classifier, train, test))
        fit = checks_of_fit(classifier, dataset, train, test, performance)
        refuse_unfit(fit, train, test, dataset.class_names, force=plan.force)
    selected = _selected(plan, subject, train, test)
    plugins = in_use(plan, subject, setup, suite)
    finished_parts.begin(facts_of(plan, subject, plugins), selected.pairs)
    budget.pace.of_a_unit = of_a_unit(
        plan.settings, setup.name, len(selected.pairs), len(train.split) // max(1, len(train.classes))
    )
    directions, left = directions_of(selected.pairs), len(selected.pairs) - finished_parts.taken
    begun = {pair for part in finished_parts.parts for pair in part.classes}
    waiting = left if plan.time_budget is None else len(set(selected.pairs) - begun)
    if waiting and (text := foretold(budget, waiting, plan.profile)):
        finished_parts.say(text)
    growth = expected_memory(
        plan.settings, classifier.instance_shape, sources_at_most(train, plan), classifier.device.type
    )
    helpers.ask_for(most_tasks(left, subject, train, plan), subject, bytes_of(train, test), growth)
    with refusing_change(classifier):
        answers: dict[SplitName, Predictions] = {"test": test, "train": train}
        search, masking = checked_search(classifier, answers, directions, setup.search, plan, stages, budget)
    setup = setup.with_search(search)
    shown = min(plan.report_pairs, len(selected.pairs))
    everywhere = plan.settings.baselines == "all" or len(selected.pairs) <= shown
    work = Work(plan, subject, train, test, class_samples(train, test), setup, suite, shown, everywhere)
    helpers.share_work(work, selected.pairs)
    spent = [_spent(classifier)]

    def prepare() -> GenerationSetup:
        before, share = _spent(classifier), None if budget.seconds is None else SHARED_START * budget.left()
        with refusing_change(classifier):
            made = prepared(setup, classifier, train, directions, plan, stages, share)
        _check_start(classifier, "the preparations of the search")
        after = _spent(classifier)
        spent.append(Cost(forward=after.forward - before.forward, backward=after.backward - before.backward))
        return made

    audited = audited_pairs(work, selected.pairs, prepare, stages, budget, finished_parts, helpers)
    setup, pairs, failed = audited.setup, audited.pairs, audited.missing
    summary = summarise(pairs, suite.definitions)
    coverage = coverage_of(selected, pairs, failed, train, test, named=plan.pairs.strip() != AUTO)
    with stages.stage("validity"):
        steady = _ask_again(classifier, "all measurements")
        checks = [
            *subject.checks,
            *fit,
            *sandbox.checks(),
            *plugin_checks(pairs),
            masking,
            covered(coverage, pairs),
            *validity_of(classifier, train, test, pairs, (plan.generator, setup.name)),
            *resumed(finished_parts.taken_over, len(selected.pairs)),
            *mixed([task.processor for task in audited.tasks] + [part.processor for part in finished_parts.parts]),
            *steady,
        ]
    results = Results(
        schema_version=SCHEMA_VERSION,
        tool=ToolFacts(name="deepdig-audit", version=__version__),
        model=facts.model_facts(subject, plan.model.output),
        data=facts.data_facts(dataset),
        settings=facts.settings(plan, subject, setup, suite, pairs),
        environment=facts.environment(),
        # A later check of one name saw more data than the first.
        validity=list({check.id: check for check in checks}.values()),
        performance=performance,
        samples=samples_of(train, test, pairs),
        coverage=coverage,
        pairs=pairs,
        summary=summary,
        definitions=suite.definitions,
        generators=setup.definitions | outlined_by(pairs),
        cost=sum_of([*spent, *audited.costs]),
        gate=Gate(status="not_configured", rules=[]),
        provenance=Provenance(taken_over=finished_parts.taken_over, plugins=plugins),
    )
    return results, audited


def _predicted(subject: Subject, stages: Stages, budget: TimeBudget) -> tuple[Predictions, Predictions]:
    """The model's answers on both splits, and how long one of them takes.

    Raises:
        AuditIncomplete: there is no time even for that.
    """
    classifier, dataset = subject.classifier, subject.dataset
    begin, before = time.perf_counter(), classifier.spent.forward
    seconds = None if budget.seconds is None else max(budget.left(), LEAST_FOR_PREDICTIONS)
    try:
        with at_most(seconds, classifier.spent):
            train = predict_split(classifier, dataset.train, stages.report, "train")
            test = predict_split(classifier, dataset.test, stages.report, "test")
    except OutOfTime as err:
        total, done = len(dataset.train) + len(dataset.test), classifier.spent.forward - before
        raise AuditIncomplete(
            f"expected the model's answers on {total:,} samples within --time-budget; found {SPENT} after about"
            f" {min(done, total):,}; give more time, or fewer samples"
        ) from err
    cost = Cost(forward=classifier.spent.forward - before, backward=0)
    budget.pace.saw(cost, time.perf_counter() - begin)
    return train, test


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
