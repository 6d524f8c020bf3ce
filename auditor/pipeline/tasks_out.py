"""Tasks that are handed out and have not ended, and how pairs are cut into tasks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from auditor.documents.plan import Plan
from auditor.documents.tasks import Task
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.model_and_data import Subject
from auditor.pipeline.model_facts.predictions import Predictions
from auditor.pipeline.pairs.margins import SCREENED
from auditor.pipeline.pairs.shard import pairs_at_once, shards_of
from auditor.pipeline.process_settings import SMALL_MODEL

ROWS = 128
"""Samples that one task of screening searches from, about."""


@dataclass
class TasksOut:
    """Tasks that somebody works on, and those that are to be handed out once more.

    Args:
        clock: tells for how long a task has been out.
    Attributes:
        most: tasks that were out at once: how many are at work.
    """

    clock: Callable[[], float]
    out: list[Task] = field(default_factory=list)
    again: list[Task] = field(default_factory=list)
    most: int = 1
    _since: list[float] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.out or self.again)

    def begin(self, task: Task) -> None:
        """It is handed out."""
        self.out.append(task)
        self._since.append(self.clock())
        self.most = max(self.most, len(self.out))

    def end(self, task: Task) -> float:
        """It has ended, after so many seconds."""
        place = self.out.index(task)
        del self.out[place]
        return self.clock() - self._since.pop(place)

    @property
    def busy(self) -> set[ClassPair]:
        """Pairs that somebody works on."""
        return {pair for task in self.out for pair in task.pairs}

    def wait(self) -> Iterator[None]:
        """Until all have ended."""
        while self:
            yield None


def cut(pairs: Sequence[ClassPair], at_once: int) -> list[list[ClassPair]]:
    """The pairs in their order, one shard after the other, each the first of what is left."""
    shards, rest = list[list[ClassPair]](), list(pairs)
    while rest:
        shards.append(shards_of(rest, at_once)[0])
        rest = rest[len(shards[-1]) :]
    return shards


def ever_smaller(pairs: Sequence[ClassPair], at_once: int) -> list[list[ClassPair]]:
    """The pairs in their order, cut so that no worker is left with much to do while others have nothing.

    A shard is a third of what is left, of ``at_once`` pairs at most, and of two at least, since alone they cost more.

    >>> [len(shard) for shard in ever_smaller([(0, i) for i in range(1, 46)], 6)]
    [6, 6, 6, 6, 6, 5, 4, 2, 2, 2]
    """
    shards, rest = list[list[ClassPair]](), list(pairs)
    while rest:
        size = min(at_once, max(2, math.ceil(len(rest) / 3)))
        shards.append(rest[:size])
        rest = rest[size:]
    return shards


def in_full(pairs: Sequence[ClassPair], at_once: int, subject: Subject) -> list[list[ClassPair]]:
    """How pairs are cut that go in full: on a GPU, where one worker computes, as large as they may be."""
    return (ever_smaller if subject.classifier.device.type == "cpu" else cut)(pairs, at_once)


def most_tasks(pairs: int, subject: Subject, train: Predictions, plan: Plan) -> int:
    """Tasks at most that so many pairs are cut into."""
    return len(in_full([(0, 1)] * pairs, pairs_of_a_task(subject, sources_at_most(train, plan)), subject))


def pairs_of_a_task(subject: Subject, sources: int) -> int:
    """Pairs that one task works on together, from so many sources of each direction."""
    shape, device = subject.classifier.instance_shape, subject.classifier.device.type
    return pairs_at_once(shape, sources, device, large=is_large(subject))


def is_large(subject: Subject) -> bool:
    """Whether a pass of the model takes so long that its batches need not be full: of no small one, on a CPU."""
    return subject.artefact.size_bytes >= SMALL_MODEL and subject.classifier.device.type == "cpu"


def pairs_screened_at_once(subject: Subject, samples: int) -> int:
    """Pairs that one task screens at most, on so many further samples of each class, whatever the model's size."""
    shape, device = subject.classifier.instance_shape, subject.classifier.device.type
    return max(1, min(pairs_at_once(shape, SCREENED, device), ROWS // max(2, 2 * samples)))


def sources_at_most(train: Predictions, plan: Plan) -> int:
    """Sources of a direction at most."""
    largest = int(train.split.labels.bincount().max()) if len(train.split) else 0
    return min(largest, plan.settings.samples_per_class or largest)
