"""RPBS, random pair boundary search: bisect between random training samples of s and t.

Both ends are samples that the model classifies right. Source: arXiv 1912.11460, section 5.2 (baselines).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from auditor.boundary.base import BETA, BoundaryInstances, DirectionTask, Generator, Progress, generator
from auditor.boundary.segments import Segments, between, paired
from auditor.models.classifier import Classifier


@generator("rpbs")
@dataclass(frozen=True)
class RPBS(Generator):
    """Random pair boundary search.

    Args:
        beta: largest |p_s - p_t| of a boundary instance.
        max_steps: cap on bisection steps.
    """

    beta: float = BETA
    max_steps: int = 60

    title = "Random pairs (RPBS)"

    def _run(
        self, classifier: Classifier, tasks: Sequence[DirectionTask], progress: Progress
    ) -> list[BoundaryInstances]:
        found = between(classifier, [_random_pairs(task) for task in tasks], beta=self.beta, max_steps=self.max_steps)
        progress(self.title, len(tasks), len(tasks))
        return found


def _random_pairs(task: DirectionTask) -> Segments:
    """Each source with one sample of t, drawn with replacement by the direction's own generator."""
    count = len(task.x_source) if len(task.x_target) else 0
    partner = torch.randint(max(1, len(task.x_target)), (count,), generator=task.rng)
    return paired(task, partner)
