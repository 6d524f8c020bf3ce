"""Where each direction starts: training samples of s that the model puts in s."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from auditor.audit.pairs import Pair
from auditor.audit.predictions import Predictions
from auditor.audit.seeds import generator_for
from auditor.boundary.base import DirectionTask
from auditor.functional.statistics import systematic


def directions_of(pairs: Sequence[Pair]) -> list[Pair]:
    """Both directions of each pair, forth and back side by side."""
    return [direction for a, b in pairs for direction in ((a, b), (b, a))]


def direction_tasks(
    train: Predictions, directions: Sequence[Pair], limit: int | None, seed: int, stage: str
) -> list[DirectionTask]:
    """The task of each direction.

    The sources of a direction depend on the seed and on the direction alone, so every generator starts from
    the same ones; what a generator draws depends on ``stage`` as well.

    Args:
        train: the artefact's answers on the training split.
        directions: (s, t) of each.
        limit: most sources of a direction; None takes all.
        seed: of the audit.
        stage: name of the generator that the tasks are for.
    """

    @cache
    def usable(label: int) -> Tensor:
        return torch.nonzero(train.correct & (train.split.labels == label)).flatten()

    @cache
    def pixels(label: int) -> Tensor:
        return train.split.instances(usable(label))

    def embeddings(rows: Tensor) -> Tensor | None:
        return None if train.embeddings is None else train.embeddings[rows]

    tasks = []
    for source, target in directions:
        drawn = _drawn(len(usable(source)), limit, generator_for(seed, "sources", source, target))
        tasks.append(
            DirectionTask(
                source=source,
                target=target,
                x_source=pixels(source)[drawn],
                x_target=pixels(target),
                embedding_source=embeddings(usable(source)[drawn]),
                embedding_target=embeddings(usable(target)),
                rng=generator_for(seed, stage, source, target),
            )
        )
    return tasks


def _drawn(count: int, limit: int | None, rng: torch.Generator) -> Tensor:
    """Indices of at most ``limit`` of ``count`` samples, without replacement, in order."""
    if limit is None or count <= limit:
        return torch.arange(count)
    return torch.randperm(count, generator=rng)[:limit].sort().values


def usable_samples(train: Predictions, most_bytes: int) -> dict[int, Tensor]:
    """By class, training samples that the model classifies right, evenly spaced; in float32 together at most so large.

    Args:
        train: the artefact's answers on the training split.
        most_bytes: of all classes together; at least one sample of each class is given.
    """
    rows = {label: torch.nonzero(train.correct & (train.split.labels == label)).flatten() for label in train.classes}
    values = train.split.pixels[0].numel() if len(train.split) else 1
    most = max(1, most_bytes // (4 * values * max(1, len(rows))))
    return {label: train.split.instances(index[systematic(len(index), most)]) for label, index in rows.items()}
