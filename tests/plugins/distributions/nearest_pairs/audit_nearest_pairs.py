"""Boundary instances on the segments between nearest training samples of two classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from auditor.boundary.base import BETA, BoundaryInstances, DirectionTask, Generator, Progress, generator
from auditor.boundary.segments import between, paired
from auditor.documents.results import GeneratorDefinition
from auditor.models.classifier import Classifier


@generator("nearest-pairs")
@dataclass(frozen=True)
class NearestPairs(Generator):
    """Each source with the nearest sample of the other class, by the distance of their pixels."""

    beta: float = BETA
    max_steps: int = 60

    definition = GeneratorDefinition(
        title="nearest pairs",
        summary="the segment between a sample and the nearest one of the other class, narrowed",
        text="Each training sample is joined with the sample of the other class nearest to it in its pixels, and the "
        "segment is narrowed until it meets the boundary.",
    )

    def _run(
        self, classifier: Classifier, tasks: Sequence[DirectionTask], progress: Progress
    ) -> list[BoundaryInstances]:
        found = between(classifier, [_segments(task) for task in tasks], beta=self.beta, max_steps=self.max_steps)
        progress(self.definition.title, len(tasks), len(tasks))
        return found


def _segments(task: DirectionTask):
    if not len(task.x_target):
        return paired(task, torch.zeros(0, dtype=torch.int64))
    return paired(task, torch.cdist(task.x_source.flatten(1), task.x_target.flatten(1)).argmin(dim=1))
