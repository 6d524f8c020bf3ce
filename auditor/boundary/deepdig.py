"""DeepDIG: Component I moves s to t, Component II moves back, Component III bisects between the two.

Source: arXiv 1912.11460, section 3, algorithm 1. Differences from the paper are named where they are made:
``autoencoder`` (residual networks), ``translation`` (loss and stopping), ``bisection`` (cap and third class),
``segments`` (a second try with a neighbour).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from auditor.boundary.base import BETA, BoundaryInstances, DirectionTask, Generator, Progress, generator
from auditor.boundary.segments import Segments, between
from auditor.boundary.translation import Arrivals, Training, translate
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

TRAININGS = {
    "quick": Training(steps=80, batch=16),
    "standard": Training(),
    "thorough": Training(steps=200, batch=64, learning_rate=3e-3),
    "paper": PAPER,
}
"""By profile; measured by ``python -m benchmarks.generator_settings``."""


@generator("deepdig")
@dataclass(frozen=True)
class DeepDIG(Generator):
    """DeepDIG with its settings.

    Args:
        training: how the networks of Components I and II are trained.
        beta: largest |p_s - p_t| of a boundary instance.
        max_steps: cap on bisection steps.
        retries: neighbours whose x'' is tried where a third class ends the bisection; 0 in the paper.
        instances_per_step: directions are trained together until a step holds this many instances.
    """

    training: Training = field(default_factory=Training)
    beta: float = BETA
    max_steps: int = 60
    retries: int = 5
    instances_per_step: int = 1024

    title = "DeepDIG"
    needs_gradient = True

    @classmethod
    def configured(cls, profile: str) -> Self:
        """More steps on larger batches come closer and cost more; ``paper`` has the authors' networks and settings."""
        retries = 0 if profile == "paper" else cls.retries
        return cls(training=TRAININGS.get(profile, Training()), retries=retries)

    def _run(
        self, classifier: Classifier, tasks: Sequence[DirectionTask], progress: Progress
    ) -> list[BoundaryInstances]:
        group = max(1, self.instances_per_step // self.training.batch)
        found: list[BoundaryInstances] = []
        for first in range(0, len(tasks), group):
            together = tasks[first : first + group]

            def part(stage: str, now: int, of: int, first: int = first, count: int = len(together)) -> None:
                progress(stage, round(1000 * (first + count * now / of)), 1000 * len(tasks))

            found += self._together(classifier, together, part)
        return found

    def _together(
        self, classifier: Classifier, tasks: Sequence[DirectionTask], progress: Progress
    ) -> list[BoundaryInstances]:
        """All three components for directions that fit in one step."""
        rngs = [task.rng for task in tasks]

        def component(name: str, starts: list[Tensor], crossings: list[tuple[int, int]], half: int) -> list[Arrivals]:
            def half_way(now: int, of: int) -> None:
                progress(name, half * of + now, 2 * of)

            return translate(classifier, starts, crossings, rngs, self.training, half_way, guard_path=half == 1)

        forth = component(
            "Component I", [task.x_source for task in tasks], [(task.source, task.target) for task in tasks], 0
        )
        x_adversarial = [arrivals.x[arrivals.arrived] for arrivals in forth]
        back = component("Component II", x_adversarial, [(task.target, task.source) for task in tasks], 1)
        segments = [_segments(*parts) for parts in zip(tasks, forth, back, strict=True)]
        return between(classifier, segments, beta=self.beta, max_steps=self.max_steps, retries=self.retries)


def _segments(task: DirectionTask, forth: Arrivals, back: Arrivals) -> Segments:
    """End points of one direction from what Components I and II reached."""
    there, returned = torch.nonzero(forth.arrived).flatten(), back.arrived
    lost = {
        "Component I did not reach the target class": len(task.x_source) - len(there),
        "Component II did not return to the source class": int((~returned).sum()),
    }
    return Segments(
        task=task,
        x_source=task.x_source[there[returned]],
        x_t=forth.x[there[returned]],
        x_s=back.x[returned],
        requested=len(task.x_source),
        adversarial=len(there),
        lost=Counter({reason: count for reason, count in lost.items() if count}),
    )
