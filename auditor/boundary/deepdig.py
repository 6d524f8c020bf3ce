"""DeepDIG: Component I moves s to t, Component II moves back, Component III bisects between the two.

Source: arXiv 1912.11460, section 3, algorithm 1. Differences from the paper are named where they are made:
``autoencoder`` (residual networks), ``translation`` (loss and stopping), ``shared_start``, ``bisection`` (false
position, cap, third class), ``segments`` (a second try with a neighbour), ``parts`` (more than one generator),
``rescue`` (what is tried before a source is given up).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self

import torch
from torch import Tensor

from auditor.boundary.base import BETA, BISECTIONS, BoundaryInstances, DirectionTask, Generator, Progress, generator
from auditor.boundary.components import translate
from auditor.boundary.gradient_free import GradientFree
from auditor.boundary.rescue import Rescue
from auditor.boundary.segments import between
from auditor.boundary.shared_start import SharedStart, train_shared_start
from auditor.boundary.source_parts import Parts
from auditor.boundary.training import Training
from auditor.documents.results import Cost, GeneratorDefinition
from auditor.models.classifier import Classifier

PAPER = Training(
    network="paper",
    form="reconstruction",
    distance="bce",
    alpha=0.8,
    gamma=0.0,
    adaptive=False,
    steps=5000,
    batch=128,
    learning_rate=0.01,
    decay="paper",
    check_every=250,
    patience=10**6,
)
"""The authors' networks and settings."""

BACK = Training(hidden=(128, 32), steps=60, batch=16, patience=1)
"""Component II starts next to the boundary and has the shorter way."""
SHARED = Training(hidden=(128, 32), steps=200, batch=32)
TUNED = Training(hidden=(128, 32), steps=60, batch=16, learning_rate=3e-3, patience=1)
"""What directions share, and what each of them adds to it."""


@dataclass(frozen=True)
class Recipe:
    """How the networks of an audit are trained.

    Args:
        forth, back: of Component I and of Component II.
        shared: of the networks that directions share a start from; None never shares.
        tuned: of Component I after a shared start.
        parts: generators of a direction, each trained on its own part of the sources with its own start and batches;
            the first where the audit has ``MANY`` directions or more, the second where it has fewer; (1, 1) in the
            paper.
        rescue: how it goes on where it does not reach the target; None gives up, as the paper does.
    """

    forth: Training = field(default_factory=Training)
    back: Training = BACK
    shared: Training | None = SHARED
    tuned: Training = TUNED
    parts: tuple[int, int] = (2, 4)
    rescue: Rescue | None = field(default_factory=Rescue)


RECIPES = {
    "quick": Recipe(
        forth=Training(steps=80, batch=16),
        back=Training(steps=40, batch=12),
        shared=replace(SHARED, steps=120),
        tuned=replace(TUNED, steps=40, batch=12),
        rescue=Rescue(longer=Training(steps=240, batch=16, patience=3), free=GradientFree.configured("quick")),
    ),
    "standard": Recipe(),
    "thorough": Recipe(
        forth=Training(steps=200, batch=64, learning_rate=3e-3),
        back=Training(steps=100, batch=48, learning_rate=3e-3),
        tuned=replace(TUNED, steps=120, batch=48, patience=2),
        rescue=Rescue(free=GradientFree.configured("thorough")),
    ),
    "paper": Recipe(forth=PAPER, back=PAPER, shared=None, tuned=PAPER, parts=(1, 1), rescue=None),
}
"""By profile; measured by ``python -m benchmarks.generator_settings``."""

MANY = 8
"""Directions over which a variance between two generators each is known well enough."""
BYTES = 2**26
"""Most bytes of samples that a shared start is trained on."""
DIRECTIONS_A_TARGET = 3
"""Directions for each target class from which on a shared start pays."""
TRAINED, LOOKS = 0.7, 15
"""Share of the training steps that are taken before patience ends; forward passes for each source while training."""
STEP_VALUES = {"cpu": 2**18, "cuda": 2**23}
STEP_INSTANCES = (128, 1024)
"""Directions are trained together until a step holds this many pixels, but at least and at most so many instances."""


@generator("deepdig")
@dataclass(frozen=True)
class DeepDIG(Generator):
    """DeepDIG with its settings.

    Args:
        recipe: how the networks of Components I and II are trained.
        beta: largest |p_s - p_t| of a boundary instance.
        max_steps: cap on bisection steps.
        retries: neighbours whose x'' is tried where a third class ends the bisection; 0 in the paper.
        halve_only: bisect by midpoints throughout, as the paper does.
        start: networks that every direction goes on from, where they have been trained.
        few: whether the audit has fewer than ``MANY`` directions.
    """

    recipe: Recipe = field(default_factory=Recipe)
    beta: float = BETA
    max_steps: int = 60
    retries: int = 5
    halve_only: bool = False
    start: SharedStart | None = field(default=None, repr=False, compare=False)
    few: bool = field(default=True, repr=False, compare=False)

    definition = GeneratorDefinition(
        title="DeepDIG",
        summary="a network moves samples into the other class, another moves them back, and the segment is narrowed",
        text="Component I trains a small network that changes training samples of the first class until the model says "
        "the second one; Component II trains another that changes these adversarial instances back. Both are asked to "
        "change as little as they can.\n\n"
        "Component III joins each adversarial instance with its way back and narrows the segment between until the "
        "probabilities of the two classes differ by less than a ten-thousandth and no other class has more. What it "
        "finds is a boundary instance. A search that meets a third class, or runs out of precision, is counted with "
        "its reason.",
    )
    needs_gradient = True

    @classmethod
    def configured(cls, profile: str) -> Self:
        """More steps on larger batches come closer and cost more; ``paper`` has the authors' networks and settings."""
        recipe = RECIPES.get(profile, Recipe())
        return cls(recipe, retries=0, halve_only=True) if profile == "paper" else cls(recipe)

    def prepared(
        self,
        classifier: Classifier,
        directions: Sequence[tuple[int, int]],
        samples: Callable[[int], dict[int, Tensor]],
        progress: Progress = lambda *_: None,
        *,
        rng: torch.Generator,
    ) -> Self:
        """With a shared start, where enough directions share their targets."""
        made = replace(self, few=len(directions) < MANY)
        targets = sorted({target for _, target in directions})
        if self.recipe.shared is None or len(directions) < DIRECTIONS_A_TARGET * len(targets):
            return made
        by_class = {label: x for label, x in samples(BYTES).items() if len(x)}
        if len(by_class) < 2:
            return made

        def step(now: int, of: int) -> None:
            progress("shared start", now, of)

        start = train_shared_start(classifier, by_class, targets, made.parts, self.recipe.shared, step, rng=rng)
        return replace(made, start=start)

    def learned_arrays(self) -> dict[str, Tensor]:
        """The shared networks, where there are any, and whether directions are few."""
        return {"few": torch.tensor(self.few), **(self.start.arrays() if self.start is not None else {})}

    def with_learned(self, classifier: Classifier, learned: dict[str, Tensor]) -> Self:
        """With the shared networks of another process."""
        made = replace(self, few=bool(learned.pop("few")))
        if not learned or self.recipe.shared is None:
            return made
        return replace(made, start=SharedStart.from_arrays(learned, classifier, self.recipe.shared))

    def cost(self, directions: int, sources: int) -> Cost:
        """That of the training steps until patience ends, with looks at every source, and of the bisections."""
        recipe = self.recipe
        targets = round((1 + (1 + 4 * directions) ** 0.5) / 2)  # of all pairs of so many classes
        shared = recipe.shared if directions >= DIRECTIONS_A_TARGET * targets else None
        forth, once = (recipe.tuned, targets * shared.steps * shared.batch) if shared else (recipe.forth, 0)
        back = (2 if recipe.back.gamma else 1) * recipe.back.steps * recipe.back.batch
        trained = TRAINED * (forth.steps * forth.batch + back)
        if directions < MANY:  # each generator of a direction then has batches of its own
            trained *= recipe.parts[1]
        backward = round(directions * trained + once)
        return Cost(forward=backward + directions * sources * (LOOKS + BISECTIONS), backward=backward)

    @property
    def parts(self) -> int:
        """Generators of each direction."""
        return self.recipe.parts[self.few]

    @property
    def _sharing(self) -> int:
        """Generators that share the batch of one: all of a direction, or none where few directions cost little."""
        return 1 if self.few else self.parts

    @property
    def learned(self) -> dict[str, str]:
        """The generators of a direction, and the shared start where there is one."""
        parts = (
            {"generators of a direction": f"{self.parts}, each on its part of the sources"} if self.parts > 1 else {}
        )
        if self.start is None:
            return parts
        each = f"{self.parts} networks" if self.parts > 1 else "one network"
        return {**parts, "shared start": f"{each} for each of {len(self.start.place) // self.parts} target classes"}

    def _run(
        self, classifier: Classifier, tasks: Sequence[DirectionTask], progress: Progress
    ) -> list[BoundaryInstances]:
        together = self._at_once(classifier)
        found: list[BoundaryInstances] = []
        for first in range(0, len(tasks), together):
            some = tasks[first : first + together]

            def part(stage: str, now: int, of: int, first: int = first, count: int = len(some)) -> None:
                progress(stage, round(1000 * (first + count * now / of)), 1000 * len(tasks))

            found += self._together(classifier, some, part)
        return found

    def _at_once(self, classifier: Classifier) -> int:
        """Directions in one step: enough to fill the model's batches, few enough for memory."""
        batch = (self.recipe.tuned if self.start else self.recipe.forth).batch
        least, most = STEP_INSTANCES
        values = STEP_VALUES.get(classifier.device.type, STEP_VALUES["cuda"])
        instances = min(max(least, values // math.prod(classifier.instance_shape)), most * values // STEP_VALUES["cpu"])
        return max(1, instances // batch)

    def _together(
        self, classifier: Classifier, tasks: Sequence[DirectionTask], progress: Progress
    ) -> list[BoundaryInstances]:
        """All three components for directions that fit in one step."""
        parts, rescue = Parts.of(tasks, self.parts), self.recipe.rescue
        training = self.recipe.tuned if self.start else self.recipe.forth
        forth = translate(
            classifier,
            parts.starts,
            parts.crossings,
            parts.rngs,
            training.shared_by(self._sharing),
            partial(_half, progress, "Component I", 0),
            start=self.start,
            parts=parts.number,
        )
        longer = rescue.train_longer(classifier, parts, forth) if rescue else None
        back = translate(
            classifier,
            [arrivals.x[arrivals.arrived] for arrivals in forth],
            [(target, source) for source, target in parts.crossings],
            parts.rngs,
            self.recipe.back.shared_by(self._sharing),
            partial(_half, progress, "Component II", 1),
            guard_path=True,
        )
        segments = parts.segments(forth, back, longer)
        found = between(
            classifier,
            segments,
            beta=self.beta,
            max_steps=self.max_steps,
            retries=self.retries,
            halve_only=self.halve_only,
        )
        return rescue.search_on(classifier, segments, found, parts.counts) if rescue else found


def _half(progress: Progress, name: str, half: int, now: int, of: int) -> None:
    progress(name, half * of + now, 2 * of)
