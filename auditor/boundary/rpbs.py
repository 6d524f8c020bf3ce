"""RPBS, random pair boundary search: bisect between random training samples of s and t.

Both ends are samples that the model classifies right. Source: arXiv 1912.11460, section 5.2 (baselines).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch

from auditor.boundary.base import BETA, BoundaryInstances, DirectionTask, Generator, Progress, generator
from auditor.boundary.segments import Segments, between, paired
from auditor.documents.results import GeneratorDefinition
from auditor.models.classifier import Classifier


@generator("rpbs")
@dataclass(frozen=True)
class RPBS(Generator):
    """Random pair boundary search.

    Args:
        beta: largest |p_s - p_t| of a boundary instance.
        max_steps: cap on bisection steps.
        halve_only: bisect by midpoints throughout, as the paper does.
        one_in: it starts from one in so many of the profile's sources.
    """

    beta: float = BETA
    max_steps: int = 60
    halve_only: bool = False
    one_in: int = 1

    definition = GeneratorDefinition(
        title="RPBS",
        summary="the segment between random training samples of the two classes, narrowed",
        text="Pairs of training samples, one of each class, are joined and the segment is narrowed until it meets the "
        "boundary.",
        role="baseline",
    )

    @classmethod
    def configured(cls, profile: str) -> Self:
        """The paper's bisection for the profile of that name."""
        return cls(halve_only=profile == "paper")

    def sources(self, most: int | None) -> int | None:
        """Fewer where they are asked to cost less."""
        return most if most is None else max(1, most // self.one_in)

    def _run(
        self, classifier: Classifier, tasks: Sequence[DirectionTask], progress: Progress
    ) -> list[BoundaryInstances]:
        segments = [_random_pairs(task) for task in tasks]
        found = between(classifier, segments, beta=self.beta, max_steps=self.max_steps, halve_only=self.halve_only)
        progress(self.definition.title, len(tasks), len(tasks))
        return found


def _random_pairs(task: DirectionTask) -> Segments:
    """Each source with one sample of t, drawn with replacement by the direction's own generator."""
    count = len(task.x_source) if len(task.x_target) else 0
    partner = torch.randint(max(1, len(task.x_target)), (count,), generator=task.rng)
    return paired(task, partner)
