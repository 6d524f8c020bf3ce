"""Nearest samples: bisect from each source to the nearest training sample of the other class; nothing is trained.

Euclidean distance of pixels. Where a third class leads between the two, the next nearest sample is tried.
It asks the model only for the bisections, so it serves networks on which training would cost more than all else.

What it finds lies on the boundary as exactly as what DeepDIG finds, and farther from its source, because the way to a
sample of the other class is longer than the way across. A source's instance depends on the source and the samples of t
alone: nothing is drawn, and sources drawn at random give instances as independent of each other as they are
themselves, so that there is no training for intervals to allow for. Measured against DeepDIG, and against distance in
the embedding: ``benchmarks/large_networks.md``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from auditor.boundary.base import BETA, BISECTIONS, BoundaryInstances, DirectionTask, Generator, Progress, generator
from auditor.boundary.gradient_free import NO_TARGET, at_once
from auditor.boundary.segments import Segments, between, paired
from auditor.documents.results import Cost, GeneratorDefinition
from auditor.models.classifier import Classifier

TRIES = 1.25
"""Bisections for each source, about."""


@generator("nearest")
@dataclass(frozen=True)
class Nearest(Generator):
    """Nearest samples.

    Args:
        neighbours: samples of t that are tried for each source, one after the other.
        beta: largest |p_s - p_t| of a boundary instance.
        max_steps: cap on bisection steps.
    """

    neighbours: int = 5
    beta: float = BETA
    max_steps: int = 60

    definition = GeneratorDefinition(
        title="nearest samples",
        summary="the segment between a sample and the nearest one of the other class, narrowed; trains nothing",
        text="Each training sample is joined with the training sample nearest to it, by Euclidean distance of pixels, "
        "that the model puts in the other class, and the segment is narrowed until it meets the boundary. Where a "
        "third class leads on the way, the next nearest sample is tried, and so on.\n\n"
        "Nothing is trained and nothing is drawn at random, so this costs little where the model is large. The "
        "instances lie on the boundary exactly, as those of DeepDIG do, but farther from where they started: they are "
        "mixtures of two samples, DeepDIG's a sample with small changes. Distances from these instances, and how "
        "complex the boundary is between them, can be compared with those of this generator only.",
    )

    def cost(self, directions: int, sources: int) -> Cost:
        """That of the bisections and of looking at what they reached."""
        return Cost(forward=round(directions * sources * (TRIES * BISECTIONS + 1)), backward=0)

    def _run(
        self, classifier: Classifier, tasks: Sequence[DirectionTask], progress: Progress
    ) -> list[BoundaryInstances]:
        found: list[BoundaryInstances] = []
        while len(found) < len(tasks):
            some = tasks[len(found) : len(found) + at_once([task.x_source.numel() for task in tasks[len(found) :]])]
            segments = [_to_nearest(task, self.neighbours) for task in some]
            found += between(classifier, segments, beta=self.beta, max_steps=self.max_steps)
            progress(self.definition.title, len(found), len(tasks))
        return found


def nearest_of_target(task: DirectionTask, most: int) -> Tensor:
    """Rows of the samples of t nearest to each source, nearest first: int64 ``(N, K)``, K at most ``most``."""
    apart = torch.cdist(task.x_source.flatten(1), task.x_target.flatten(1))
    return apart.topk(min(most, len(task.x_target)), largest=False).indices


def _to_nearest(task: DirectionTask, neighbours: int) -> Segments:
    """Each source with the nearest samples of t; no segments where the model puts no sample there."""
    near = nearest_of_target(task, neighbours)
    if near.shape[1]:
        return paired(task, near[:, 0], near[:, 1:])
    sources = len(near)
    lost = Counter({NO_TARGET: sources} if sources else {})
    return replace(paired(task, torch.empty(0, dtype=torch.int64)), requested=sources, lost=lost)
