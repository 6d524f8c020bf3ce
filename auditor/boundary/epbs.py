"""EPBS, embedding-nearest pair boundary search: bisect between a sample of s and its nearest neighbour of t.

Nearest by Euclidean distance of the embeddings. Source: arXiv 1912.11460, section 5.2 (baselines).
Differences from the authors' code: it took a norm without an axis, so every sample got the same neighbour.
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


@generator("epbs")
@dataclass(frozen=True)
class EPBS(Generator):
    """Embedding-nearest pair boundary search; needs embeddings.

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
        title="EPBS",
        summary="the segment between a sample and its nearest neighbour of the other class, narrowed",
        text="Each training sample is joined with the sample of the other class nearest to it in the embedding, the "
        "numbers that enter the last layer of the model, and the segment is narrowed until it meets the boundary.",
        role="baseline",
    )
    needs_embedding = True

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
        segments = [_nearest_pairs(task) for task in tasks]
        found = between(classifier, segments, beta=self.beta, max_steps=self.max_steps, halve_only=self.halve_only)
        progress(self.definition.title, len(tasks), len(tasks))
        return found


def _nearest_pairs(task: DirectionTask) -> Segments:
    """Each source with the sample of t whose embedding is nearest."""
    assert task.embedding_source is not None
    assert task.embedding_target is not None
    if not len(task.x_target):
        return paired(task, torch.zeros(0, dtype=torch.int64))
    return paired(task, torch.cdist(task.embedding_source, task.embedding_target).argmin(dim=1))
