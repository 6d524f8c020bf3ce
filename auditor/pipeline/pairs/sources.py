"""Which samples are used: all of a class in one order that depends on the data and the seed alone.

A direction takes the first so many of its source class, whatever the model says of them, so that audits of two models
on the same data with the same seed are about the same samples. A generator starts from those of them that the model
puts in their class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import torch
from torch import Tensor

from auditor.boundary.base import DirectionTask
from auditor.characteristics.base import SplitName
from auditor.datasets.base import Split
from auditor.functional.statistics import evenly_spaced
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.model_facts.predictions import Predictions
from auditor.pipeline.seeds import generator_for


def ranked(split: Split, name: SplitName, label: int, seed: int) -> Tensor:
    """The places of all samples of a class in the order in which they are used, int64 ``(N,)``.

    Args:
        split: train or test, as ``name`` says.
        seed: of the audit; it decides the order together with the split's name and the class, and nothing else does.
    """
    rows = split.of_class(label)
    return rows[torch.randperm(len(rows), generator=generator_for(seed, "samples", name, label))]


def first_of_class(split: Split, name: SplitName, label: int, most: int | None, seed: int) -> Tensor:
    """The first ``most`` samples of a class in that order (None takes all), sorted by their place: int64 ``(M,)``."""
    return ranked(split, name, label, seed)[:most].sort().values


def direction_tasks(
    train: Predictions,
    directions: Sequence[ClassPair],
    limit: int | None,
    seed: int,
    stage: str,
    sources: Mapping[ClassPair, Tensor] | None = None,
) -> list[DirectionTask]:
    """The task of each direction.

    Every generator starts from the same sources; what a generator draws depends on ``stage`` as well.

    Args:
        train: the artefact's answers on the training split.
        directions: (s, t) of each.
        limit: samples of a class that are sources, without those that the model puts elsewhere; None takes all.
        seed: of the audit.
        stage: name of the generator that the tasks are for.
        sources: of each direction, int64 ``(N,)`` places of samples that the model puts in their class, where these are
            others.
    """

    usable = cache(train.right_of)

    @cache
    def starts(label: int) -> Tensor:
        return sources_of(train, label, limit, seed)

    @cache
    def pixels(label: int) -> Tensor:
        return train.split.instances(usable(label))

    def embeddings(rows: Tensor) -> Tensor | None:
        return None if train.embeddings is None else train.embeddings[rows]

    tasks = []
    for source, target in directions:
        first = starts(source) if sources is None else sources[source, target]
        tasks.append(
            DirectionTask(
                source=source,
                target=target,
                x_source=train.split.instances(first),
                x_target=pixels(target),
                embedding_source=embeddings(first),
                embedding_target=embeddings(usable(target)),
                rng=generator_for(seed, stage, source, target),
            )
        )
    return tasks


def sources_of(train: Predictions, label: int, limit: int | None, seed: int) -> Tensor:
    """The places of the samples that a generator starts from: int64 ``(N,)``, ascending.

    Args:
        limit: as in ``direction_tasks``.
    """
    first = first_of_class(train.split, "train", label, limit, seed)
    return first[train.correct[first]]


def usable_samples(train: Predictions, most_bytes: int) -> dict[int, Tensor]:
    """By class, training samples that the model classifies right, evenly spaced; in float32 together at most so large.

    Args:
        train: the artefact's answers on the training split.
        most_bytes: of all classes together; at least one sample of each class is given.
    """
    rows = {label: train.right_of(label) for label in train.classes}
    values = train.split.pixels[0].numel() if len(train.split) else 1
    most = max(1, most_bytes // (4 * values * max(1, len(rows))))
    return {label: train.split.instances(index[evenly_spaced(len(index), most)]) for label, index in rows.items()}
