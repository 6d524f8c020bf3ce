"""Gradient-free search: boundary instances by the model's answers alone, for trees and whatever else has no gradient.

Each source is joined with its nearest training samples of t; the segment that enters t nearest to the source is the
start. A decision-based search (``auditor.functional.polar_search``) then brings the point of t closer to its source,
and the segment between the two is bisected to the boundary. Measured against other decision-based searches in
``benchmarks/gradient_free.md``.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from auditor.boundary.base import BETA, BoundaryInstances, DirectionTask, Generator, Progress, generator
from auditor.boundary.segments import Segments, between
from auditor.documents.results import GeneratorDefinition
from auditor.functional.polar_search import PolarBudget, entry, polar_search
from auditor.models.classifier import Classifier

BUDGETS = {
    "quick": PolarBudget(steps=150),
    "standard": PolarBudget(steps=300),
    "thorough": PolarBudget(steps=1000, gain=0.005),
    "paper": PolarBudget(steps=300),
}
"""By profile; measured by ``python -m benchmarks.gradient_free``."""

NO_TARGET = "the model puts no training sample in the target class"
CELLS = 1 << 23
"""Directions are searched together until their sources hold this many numbers."""


def at_once(numbers: Sequence[int]) -> int:
    """How many directions, from the first on, fit into ``CELLS``; at least one.

    >>> at_once([10, 10]), at_once([CELLS, 1])
    (2, 1)
    """
    total = itertools.accumulate(numbers)
    return max(1, sum(1 for held in total if held <= CELLS))


@generator("gradient-free")
@dataclass(frozen=True)
class GradientFree(Generator):
    """Nearest pairs, brought closer by decisions, then bisected.

    Args:
        neighbours: nearest training samples of t that are tried for each source.
        budget: of the search.
        beta: largest |p_s - p_t| of a boundary instance.
        max_steps: cap on bisection steps.
        retries: neighbours whose source is tried where a third class ends the bisection.
    """

    neighbours: int = 5
    budget: PolarBudget = field(default_factory=PolarBudget)
    beta: float = BETA
    max_steps: int = 60
    retries: int = 5

    definition = GeneratorDefinition(
        title="gradient-free search",
        summary="a search by the answers of the model alone, for those without gradients",
        text="Each training sample is joined with its nearest samples of the other class, and the segment that enters "
        "that class soonest is kept. A decision-based search (SurFree, arXiv 2011.12807) then asks the model for the "
        "class of points on circles around the sample and keeps what is nearer; last, the segment between the sample "
        "and the point found is narrowed until it meets the boundary. The model is only asked for its answers.",
    )

    @classmethod
    def configured(cls, profile: str) -> Self:
        """More steps come closer and cost two evaluations each."""
        return cls(budget=BUDGETS.get(profile, PolarBudget()))

    def _run(
        self, classifier: Classifier, tasks: Sequence[DirectionTask], progress: Progress
    ) -> list[BoundaryInstances]:
        found: list[BoundaryInstances] = []
        while len(found) < len(tasks):
            end = len(found) + at_once([task.x_source.numel() for task in tasks[len(found) :]])
            segments = self._segments(classifier, tasks[len(found) : end])
            found += between(classifier, segments, beta=self.beta, max_steps=self.max_steps, retries=self.retries)
            progress(self.definition.title, len(found), len(tasks))
        return found

    def unverified(self, classifier: Classifier, tasks: Sequence[DirectionTask]) -> list[BoundaryInstances]:
        """Instances for a generator that goes on by this search, and has them verified among its own."""
        return self._run(classifier, tasks, lambda *_: None)

    def _segments(self, classifier: Classifier, tasks: Sequence[DirectionTask]) -> list[Segments]:
        """Each source with the nearest point of t found."""
        starts = [nearest_samples(classifier, task, self.neighbours, self.budget.halvings) for task in tasks]
        sizes = [len(start) for start in starts]
        x = torch.cat([task.x_source[:size] for task, size in zip(tasks, sizes, strict=True)])
        counts, device = torch.tensor(sizes), classifier.artefact_device
        source = torch.tensor([task.source for task in tasks]).repeat_interleave(counts)
        target = torch.tensor([task.target for task in tasks]).repeat_interleave(counts)
        near = polar_search(
            classifier.predict,
            x.to(device),
            torch.cat(starts).to(device),
            (source.to(device), target.to(device)),
            sizes,
            [task.rng for task in tasks],
            self.budget,
            guarded=True,
        ).cpu()
        return [
            Segments(
                task,
                own,
                point,
                own,
                origin=torch.arange(len(own)),
                part=torch.zeros(len(own), dtype=torch.int64),
                requested=len(task.x_source),
                adversarial=len(own),
                lost=Counter({NO_TARGET: len(task.x_source)} if len(own) < len(task.x_source) else {}),
            )
            for task, own, point in zip(tasks, x.split(sizes), near.split(sizes), strict=True)
        ]


def nearest_samples(classifier: Classifier, task: DirectionTask, neighbours: int, halvings: int) -> Tensor:
    """For each source the point where a segment to one of its nearest samples of t enters t, the nearest of them.

    A segment that meets a third class counts only where every one does.

    Returns:
        float32 ``(N, *shape)``, predicted t; N is 0 where the model puts no sample in t.
    """
    most = min(neighbours, len(task.x_target))
    if not most or not len(task.x_source):
        return task.x_source[:0]
    count = len(task.x_source)
    near = torch.cdist(task.x_source.flatten(1), task.x_target.flatten(1)).topk(most, largest=False).indices
    device = classifier.artefact_device
    x, y = (of.to(device) for of in (task.x_source.repeat_interleave(most, dim=0), task.x_target[near.flatten()]))
    s, t = (torch.full((len(x),), label, device=device) for label in (task.source, task.target))
    points, clean = entry(classifier.predict, x, y, s, t, halvings)
    length = torch.linalg.vector_norm((points - x).flatten(1), dim=1)
    best = torch.where(clean, length, length + 1e6).view(count, most).argmin(dim=1)
    return points.view(count, most, *points.shape[1:])[torch.arange(count, device=device), best].cpu()
