"""Boundary instances of every direction: by the chosen generator, by its baselines, by the attack.

A generator that needs gradients is replaced by the gradient-free one where the model has none; ``route`` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.audit.pairs import Pair
from auditor.audit.plan import Plan
from auditor.audit.predictions import Predictions
from auditor.audit.profiles import Profile
from auditor.audit.seeds import generator_for
from auditor.audit.sources import direction_tasks
from auditor.audit.stages import Stages
from auditor.boundary.base import BoundaryInstances, Generator, generators
from auditor.boundary.decision_search import DecisionSearch
from auditor.boundary.gradient_free import BUDGETS
from auditor.boundary.minimal_norm import NearestPoints, NearestSearch
from auditor.errors import InputRefused
from auditor.functional.minimal_norm import AttackBudget
from auditor.functional.statistics import wilson
from auditor.models.classifier import Classifier
from auditor.results import Generation, Measure, NotMeasured

BASELINES = ("rpbs", "epbs")
GRADIENT_FREE = "gradient-free"


@dataclass(frozen=True)
class Generated:
    """All that was generated, direction by direction in the order asked for.

    Args:
        generator: name of the generator that made the instances.
        instances: by that generator.
        baselines: by each baseline, or why there are none.
        nearest: by the minimal-norm attack, or by decisions alone where there are no gradients.
        parameters: repr of each part that ran, by role.
    """

    generator: str
    instances: list[BoundaryInstances]
    baselines: dict[str, list[BoundaryInstances] | NotMeasured]
    nearest: list[NearestPoints]
    parameters: dict[str, str]


def generate(
    classifier: Classifier,
    train: Predictions,
    directions: Sequence[Pair],
    chosen: Generator,
    plan: Plan,
    stages: Stages,
) -> Generated:
    """Run the generator, the baselines and the attack over all directions.

    Args:
        classifier: the model under audit.
        train: its answers on the training split.
        directions: (s, t) of each.
        chosen: the generator that the plan names, with its settings.
        plan: of the audit.
        stages: told of progress.
    Raises:
        InputRefused: the chosen generator needs something that this model lacks.
    """
    profile = plan.settings
    if reason := _missing(chosen, classifier):
        raise InputRefused(
            f"a model that suits --generator {plan.generator}", f"none: {reason}", "choose another generator"
        )
    used, parameters = plan.generator, dict[str, str]()
    if chosen.needs_gradient and isinstance(classifier.gradient, NotMeasured):
        used, chosen = GRADIENT_FREE, configured(GRADIENT_FREE, profile)
        parameters["generator asked for"] = plan.generator
    parameters["generator"] = repr(chosen)

    def run(name: str, generator: Generator) -> list[BoundaryInstances]:
        tasks = direction_tasks(train, directions, profile.samples_per_class, plan.seed, name)
        return generator(classifier, tasks, stages.report)

    with stages.stage(chosen.title):
        instances = run(used, chosen)
    baselines: dict[str, list[BoundaryInstances] | NotMeasured] = {}
    for name in BASELINES:
        baseline = configured(name, profile)
        if name == used:
            continue
        if reason := _missing(baseline, classifier):
            baselines[name] = NotMeasured(not_measured=reason)
            continue
        parameters[name] = repr(baseline)
        with stages.stage(baseline.title):
            baselines[name] = run(name, baseline)
    nearest = _attack(classifier, instances, plan, stages, parameters)
    return Generated(used, instances, baselines, nearest, parameters)


def configured(name: str, profile: Profile) -> Generator:
    """The generator of that name with the profile's settings.

    Raises:
        UsageError: there is no such generator.
    """
    return generators[name].configured(profile.name)


def generation_counts(found: BoundaryInstances) -> Generation:
    """The counts of one generator in one direction, as they stand in the results."""
    gap = (found.p_boundary[:, found.source] - found.p_boundary[:, found.target]).abs()[~found.jump]
    nothing = NotMeasured(not_measured="no boundary instance was found")
    no_tie = NotMeasured(not_measured="the class jumps at every boundary instance") if len(found) else nothing
    return Generation(
        requested=found.requested,
        adversarial=found.adversarial,
        adversarial_of_adversarial=found.adversarial_of_adversarial,
        boundary=len(found),
        success_rate=_success(found),
        mean_bisection_steps=float(found.steps.double().mean()) if len(found) else nothing,
        jumps=int(found.jump.sum()),
        max_probability_gap=float(gap.max()) if len(gap) else no_tie,
        third_class={str(index): count for index, count in sorted(found.third_class.items())},
        failures=dict(sorted(found.failures.items())),
    )


def _success(found: BoundaryInstances) -> Measure | NotMeasured:
    if not found.requested:
        return NotMeasured(not_measured="the model puts no training sample of the source class in that class")
    share = wilson(len(found), found.requested)
    return Measure(
        value=share.value,
        ci_low=share.low,
        ci_high=share.high,
        n=found.requested,
        unit="share of sources",
        direction="higher is better",
    )


def _missing(generator: Generator, classifier: Classifier) -> str:
    """Why the generator cannot run on this model; empty when it can."""
    if generator.needs_embedding and isinstance(classifier.embedding_size, NotMeasured):
        return classifier.embedding_size.not_measured
    return ""


def _attack(
    classifier: Classifier,
    instances: list[BoundaryInstances],
    plan: Plan,
    stages: Stages,
    parameters: dict[str, str],
) -> list[NearestPoints]:
    search: NearestSearch | DecisionSearch
    if isinstance(classifier.gradient, NotMeasured):
        title, search = "Decision-based search", DecisionSearch(plan.settings.attacked, BUDGETS[plan.profile])
    else:
        title = "Minimal-norm attack"
        search = NearestSearch(plan.settings.attacked, AttackBudget(*plan.settings.attack))
    parameters[title.lower()] = repr(search)
    rngs = [generator_for(plan.seed, "attack", found.source, found.target) for found in instances]
    with stages.stage(title):
        return search(classifier, instances, rngs, stages.report)
