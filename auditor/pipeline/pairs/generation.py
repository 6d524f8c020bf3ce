"""Boundary instances of every direction: by the chosen generator, by its baselines, by the attack.

``auto`` is DeepDIG where the model is small, and pair steps where training DeepDIG's networks would cost more than all
else. A generator that needs gradients is replaced by the gradient-free one where the model has none; ``setup`` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor

from auditor.boundary.answer_checks import check_answers
from auditor.boundary.base import BoundaryInstances, Generator, Progress, baselines, generators
from auditor.boundary.decision_search import DecisionSearch
from auditor.boundary.epbs import EPBS
from auditor.boundary.gradient_free import BUDGETS
from auditor.boundary.minimal_norm_attack import NearestSearch, Search
from auditor.boundary.rpbs import RPBS
from auditor.documents.plan import AUTO_GENERATOR, Plan
from auditor.documents.profiles import Profile
from auditor.documents.results import SUCCESS_RATE, Generation, GeneratorDefinition, Measure, NotMeasured
from auditor.errors import InputRefused
from auditor.functional.minimal_norm import AttackBudget
from auditor.models.classifier import Classifier
from auditor.models.multiply_adds import multiply_adds
from auditor.numbers.class_pairs import ClassPair
from auditor.numbers.intervals import wilson
from auditor.pipeline.model_facts.predictions import Predictions
from auditor.pipeline.pairs.measuring import COARSER
from auditor.pipeline.pairs.plugin_answers import copied, ends_audit, plugin_named
from auditor.pipeline.pairs.sources import direction_tasks, usable_samples
from auditor.pipeline.seeds import generator_for
from auditor.pipeline.stages import Stages
from auditor.pipeline.time_budget import OutOfTime, at_most, on_course

GRADIENT_FREE, SMALL_NETWORKS, LARGE_NETWORKS = "gradient-free", "deepdig", "pair-steps"
LARGE = 10**8
"""Multiply-adds of a forward pass from which on ``auto`` trains no networks: ``benchmarks/large_networks.md``."""
TRAINED = frozenset({"thorough", "paper"})
"""Profiles that are worth DeepDIG's cost on any model."""
TOO_LONG = "it would have taken too much of the time budget"


@dataclass(frozen=True)
class GenerationSetup:
    """Who makes the boundary instances of this model: chosen once, the same for every part of the audit.

    Args:
        name: of the generator.
        generator: with its settings, and with what it learned from the audit as a whole.
        baselines: each baseline, or why there is none.
        search: for the nearest points: the minimal-norm attack, or decisions alone where there are no gradients.
        parameters: repr of each part, by role.
    """

    name: str
    generator: Generator
    baselines: dict[str, Generator | NotMeasured]
    search: Search
    parameters: dict[str, str]

    @property
    def generators(self) -> dict[str, Generator]:
        """The chosen generator and the baselines that there are, by name."""
        return {self.name: self.generator} | {k: g for k, g in self.baselines.items() if isinstance(g, Generator)}

    @property
    def definitions(self) -> dict[str, GeneratorDefinition]:
        """What each generator is whose numbers the results hold, or say why not, or that was asked for, by name."""
        asked = [name for name in [self.parameters.get("generator asked for")] if name]
        return {name: generators[name].definition for name in [self.name, *asked, *self.baselines]}

    def with_search(self, search: Search) -> GenerationSetup:
        """The same setup with another search."""
        parameters = {key: text for key, text in self.parameters.items() if key != self.search.title.lower()}
        return replace(self, search=search, parameters={**parameters, search.title.lower(): repr(search)})


def choose_setup(classifier: Classifier, chosen: Generator, plan: Plan) -> GenerationSetup:
    """The generator, the baselines and the search that suit this model.

    Args:
        chosen: the generator that the plan names, with its settings.
    Raises:
        InputRefused: the chosen generator needs something that this model lacks.
    """
    profile, parameters = plan.settings, dict[str, str]()
    name, because = suited(plan.generator, classifier, profile)
    if because:
        chosen, parameters[f"{name} chosen by auto"] = configured(name, profile), because
    if reason := _missing(chosen, classifier):
        raise InputRefused(
            f"a model that suits --generator {plan.generator}", f"none: {reason}", "choose another generator"
        )
    gradients = not isinstance(classifier.gradient, NotMeasured)
    if chosen.needs_gradient and not gradients:
        parameters["generator asked for"], name = name, GRADIENT_FREE
        chosen = configured(GRADIENT_FREE, profile)
    parameters["generator"] = repr(chosen)
    beside: dict[str, Generator | NotMeasured] = {}
    for other in baselines():
        baseline = configured(other, profile)
        if other == name:
            continue
        if because and isinstance(baseline, (RPBS, EPBS)):
            baseline = replace(baseline, one_in=round(COARSER**2))
        if reason := _missing(baseline, classifier):
            beside[other] = NotMeasured(not_measured=reason)
        else:
            beside[other], parameters[other] = baseline, repr(baseline)
    search: Search = (
        NearestSearch(AttackBudget(*profile.attack)) if gradients else DecisionSearch(BUDGETS[plan.profile])
    )
    parameters[search.title.lower()] = repr(search)
    if classifier.reduced is not None:
        fast = f"{classifier.gradient} at {str(classifier.reduced)[6:]} on {classifier.device}"
        parameters["classes along paths"] = f"{fast}, close calls again by {classifier.backend.runtime}"
    return GenerationSetup(name, chosen, beside, search, parameters)


def prepared(
    setup: GenerationSetup,
    classifier: Classifier,
    train: Predictions,
    directions: Sequence[ClassPair],
    plan: Plan,
    stages: Stages,
    seconds: float | None = None,
) -> GenerationSetup:
    """The setup with whatever its generator learns from the whole audit before its parts.

    Args:
        seconds: that this may take; where it would take longer, directions learn alone. None sets no bound.
    """

    def learned(samples: Callable[[int], dict[int, Tensor]], report: Progress) -> GenerationSetup:
        rng, plugin = generator_for(plan.seed, "prepared", setup.name), plugin_named(generators, setup.name)
        with stages.stage(f"{setup.generator.definition.title}, once for all pairs"), ends_audit(plugin):
            generator = setup.generator.prepared(classifier, directions, samples, report, rng=rng)
            return replace(setup, generator=generator, parameters={**setup.parameters, **generator.learned})

    samples = partial(usable_samples, train)
    if seconds is None:
        return learned(samples, stages.report)
    try:
        with at_most(seconds, classifier.spent):
            return learned(samples, on_course(stages.report, seconds))
    except OutOfTime:
        alone = learned(lambda _: {}, stages.report)
        return replace(alone, parameters={**alone.parameters, "shared start": f"left out: {TOO_LONG}"})


def generate(
    classifier: Classifier,
    train: Predictions,
    directions: Sequence[ClassPair],
    by: tuple[str, Generator],
    plan: Plan,
    stages: Stages,
    sources: Mapping[ClassPair, Tensor] | None = None,
) -> list[BoundaryInstances]:
    """Run a generator over some directions.

    Args:
        train: the artefact's answers on the training split.
        directions: (s, t) of each.
        by: the generator's name, on which what it draws depends, and the generator.
        sources: as of ``direction_tasks``.
    Returns:
        the instances of each direction, in their order.
    """
    name, generator = by
    limit = generator.sources(plan.settings.samples_per_class)
    tasks = direction_tasks(train, directions, limit, plan.seed, name, sources)
    with stages.stage(generator.definition.title):
        if (plugin := plugin_named(generators, name)) is None:
            return generator(classifier, tasks, stages.report)
        with ends_audit(plugin):
            given = [copied(task) for task in tasks]
            return generator(
                classifier, given, stages.report, lambda _, made: check_answers(tasks, made, classifier.num_classes)
            )


def configured(name: str, profile: Profile) -> Generator:
    """The generator of that name with the profile's settings; for ``auto`` the one that small networks get.

    Raises:
        UsageError: there is no such generator.
    """
    kind = generators[SMALL_NETWORKS if name == AUTO_GENERATOR else name]
    with ends_audit(plugin_named(generators, name)):
        made: object = kind.configured(profile.name)
        if not isinstance(made, Generator):
            raise TypeError(f"configured gave no Generator but {type(made).__name__}")
        return made


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
        rescued=dict(sorted(found.rescued.items())),
    )


def _success(found: BoundaryInstances) -> Measure | NotMeasured:
    if not found.requested:
        return NotMeasured(not_measured="the model puts no training sample of the source class in that class")
    return SUCCESS_RATE.measure(*wilson(len(found), found.requested), n=found.requested)


def suited(asked: str, classifier: Classifier, profile: Profile) -> tuple[str, str]:
    """The name of the generator, and why ``auto`` took it; decided by a count, never by a measurement.

    Args:
        asked: what the plan names; anything but ``auto`` stays.
    Returns:
        the name and the reason, empty where it is the one for small networks or was asked for.
    """
    if asked != AUTO_GENERATOR or isinstance(classifier.gradient, NotMeasured) or profile.name in TRAINED:
        return (SMALL_NETWORKS if asked == AUTO_GENERATOR else asked), ""
    count = multiply_adds(classifier)
    if count < LARGE:
        return SMALL_NETWORKS, ""
    return LARGE_NETWORKS, f"a forward pass takes {count / 1e9:.2f} G multiply-adds"


def _missing(generator: Generator, classifier: Classifier) -> str:
    """Why the generator cannot run on this model; empty when it can."""
    if generator.needs_embedding and isinstance(classifier.embedding_size, NotMeasured):
        return classifier.embedding_size.not_measured
    return ""
