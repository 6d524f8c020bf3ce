"""The nearest instance of the target class for each source, by a targeted minimal-norm attack.

DeepDIG shows plausible instances; this shows how near the boundary is. It asks for nothing but sources and a few
samples that the model puts in the target class, so it measures the same samples whatever a generator did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from auditor.boundary.base import Progress
from auditor.functional.minimal_norm import AttackBudget, minimal_norm
from auditor.models.classifier import Classifier


@dataclass(frozen=True)
class AttackTask:
    """Sources of one direction whose nearest points of the target class are looked for.

    Args:
        source, target: class indices s and t.
        x: float32 ``(N, *shape)`` in [0, 1], samples that the model puts in s.
        starts: float32 ``(M, *shape)`` in [0, 1], samples that the model puts in t, for all sources alike; M may be 0.
        rng: this direction's own random generator (CPU).
    """

    source: int
    target: int
    x: Tensor
    starts: Tensor
    rng: torch.Generator

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class NearestPoints:
    """Nearest points of class t found for the sources of one task; row i belongs to source i.

    Args:
        l2, linf: float32 ``(N, *shape)``, the nearest points in each norm, predicted t by the artefact; where none
            was found, the source itself.
        found_l2, found_linf: bool ``(N,)``, whether one was found.
        tried_l2, tried_linf: float32 ``(N,)``, distance of the farthest point asked about; where none was found,
            nothing is known beyond it.
        method: who found them, as figures label it.
    """

    l2: Tensor
    linf: Tensor
    found_l2: Tensor
    found_linf: Tensor
    tried_l2: Tensor
    tried_linf: Tensor
    method: str


class Search(Protocol):
    """Whoever looks for nearest points: by gradients or by decisions alone."""

    @property
    def title(self) -> str:
        """As progress and reports name it."""

    def __call__(
        self, classifier: Classifier, tasks: Sequence[AttackTask], progress: Progress = ...
    ) -> list[NearestPoints]:
        """The nearest points of every task, in order; a task's own do not depend on the others."""


@dataclass(frozen=True)
class NearestSearch:
    """The attack with its settings.

    Args:
        budget: of the attack.
        neighbours: samples of class t nearest to a source that serve as its starts.
    """

    budget: AttackBudget = field(default_factory=AttackBudget)
    neighbours: int = 2

    title = "Minimal-norm attack"

    def __call__(
        self, classifier: Classifier, tasks: Sequence[AttackTask], progress: Progress = lambda *_: None
    ) -> list[NearestPoints]:
        """Attack every task together."""
        sizes = [len(task) for task in tasks]
        if not sum(sizes):
            return [_nothing(task.x, self.title.lower()) for task in tasks]
        x = torch.cat([task.x for task in tasks])
        starts = torch.cat([nearest_starts(task, self.neighbours) for task in tasks], dim=1)
        target = torch.tensor([task.target for task in tasks]).repeat_interleave(torch.tensor(sizes))

        def part(rows: Tensor) -> list[Tensor]:
            progress(self.title, int(rows[0]), len(x))
            # There and back once for each batch; in between nothing leaves the device.
            known = [of.to(classifier.device) for of in (x[rows], target[rows], *starts[:, rows])]
            found = minimal_norm(classifier.logits, classifier.predict, known[0], known[1], known[2:], self.budget)
            near, flat = found["l2"], found["linf"]
            each = (near.point, flat.point, near.found, flat.found, near.tried, flat.tried)
            return [of.cpu() for of in each]

        parts = classifier.batching.run(part, torch.arange(len(x)))
        columns = [torch.cat(column).split(sizes) for column in zip(*parts, strict=True)]
        return [
            NearestPoints(l2, linf, found_l2, found_linf, tried_l2, tried_linf, self.title.lower())
            for l2, linf, found_l2, found_linf, tried_l2, tried_linf in zip(*columns, strict=True)
        ]


def nearest_starts(task: AttackTask, count: int) -> Tensor:
    """The starts nearest to each source in L2, nearest first: float32 ``(count, N, *shape)``.

    Where a task has fewer, the source itself stands in, which is not of class t and starts nothing.
    """
    here = task.x.unsqueeze(0).repeat(count, *[1] * task.x.dim())
    most = min(count, len(task.starts))
    if most and len(task):
        flat, others = task.x.flatten(1), task.starts.flatten(1)
        # |x - y|^2 without the term |x|^2, which does not change the order of the y.
        order = torch.addmm(others.square().sum(dim=1), flat, others.T, alpha=-2)
        here[:most] = task.starts[order.topk(most, largest=False).indices.T]
    return here


def _nothing(x: Tensor, method: str) -> NearestPoints:
    """What is known of sources from which nothing was asked."""
    none, zero = torch.zeros(len(x), dtype=torch.bool), torch.zeros(len(x))
    return NearestPoints(x, x, none, none, zero, zero, method)
