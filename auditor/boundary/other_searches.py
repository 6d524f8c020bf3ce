"""Searches for nearest points where the model's gradient misleads: along averaged gradients, or from known points on.

Each wraps another search and has its interface, so that they can be compared, combined and put in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from auditor.boundary.base import Progress
from auditor.boundary.minimal_norm_attack import AttackTask, NearestPoints, Search
from auditor.functional.decision_refinement import corners, restored
from auditor.functional.descent import lengths
from auditor.functional.polar_search import PolarBudget, Predict, polar_search
from auditor.models.classifier import Batching, Classifier, Smoothing

_HALVINGS = 12
"""As near to the boundary as matters in a distance; the attack takes as many."""


@dataclass(frozen=True)
class SmoothedSearch:
    """A search whose gradients are averaged over noise.

    Args:
        inner: a search along gradients.
        sigma: standard deviation of the noise, in pixels of [0, 1].
        draws: noises for each gradient.
    """

    inner: Search
    sigma: float
    draws: int = 16

    @property
    def title(self) -> str:
        """The inner search's, and how its gradients are taken."""
        return f"{self.inner.title}, gradients averaged over noise of {self.sigma:g}"

    def __call__(
        self, classifier: Classifier, tasks: Sequence[AttackTask], progress: Progress = lambda *_: None
    ) -> list[NearestPoints]:
        """Search from every task by itself, so that its noise does not depend on the others."""
        batching = Batching(max(1, classifier.batch_size // self.draws))
        points = list[NearestPoints]()
        for task in tasks:
            rng = torch.Generator().manual_seed(int(torch.randint(1 << 62, (), generator=task.rng)))
            smoothed = replace(classifier, batching=batching, smoothing=Smoothing(self.sigma, self.draws, rng))
            (found,) = self.inner(smoothed, [task])
            points.append(replace(found, method=self.title.lower()))
            progress(self.title, len(points), len(tasks))
        return points


@dataclass(frozen=True)
class Effort:
    """How long points are refined.

    Args:
        rounds: in each of which pixels are set back and a random walk in L2 follows; together they reach what neither
            reaches alone, because pixels that the walk has moved can be set back again.
        back: questions for pixels set back, in a round.
        walk: steps of the walk, in a round, of two questions each.
        corners: questions for corners of the maximum norm.
    """

    rounds: int
    back: int
    walk: int
    corners: int


@dataclass(frozen=True)
class RefinedSearch:
    """A search whose points are then brought nearer by decisions alone; sources without a point stay so.

    Args:
        inner: finds the points to start from.
        effort: how long they are refined.
    """

    inner: Search
    effort: Effort

    @property
    def title(self) -> str:
        """The inner search's, and what follows it."""
        return f"{self.inner.title}, then by decisions"

    def __call__(
        self, classifier: Classifier, tasks: Sequence[AttackTask], progress: Progress = lambda *_: None
    ) -> list[NearestPoints]:
        """The inner search, then its points refined."""
        found = self.inner(classifier, tasks, progress)
        return self.onward(classifier, tasks, found)

    def onward(
        self, classifier: Classifier, tasks: Sequence[AttackTask], known: Sequence[NearestPoints]
    ) -> list[NearestPoints]:
        """Points that are known already, refined; each in its own norm, all tasks together."""
        near = _by_row(self._walked, classifier, tasks, [(points.l2, points.found_l2) for points in known])
        flat = _by_row(self._flattened, classifier, tasks, [(points.linf, points.found_linf) for points in known])
        return [
            replace(points, l2=l2, linf=linf, method=self.title.lower())
            for points, l2, linf in zip(known, near, flat, strict=True)
        ]

    def _walked(self, predict: Predict, x: Tensor, y: Tensor, rows: Rows) -> Tensor:
        """Nearer points in L2."""
        budget, classes, nearer = PolarBudget(self.effort.walk, gain=0.0), (rows.source, rows.target), y
        for _ in range(self.effort.rounds):
            nearer = restored(predict, x, nearer, rows.target, rows.sizes, rows.rngs, self.effort.back)
            nearer = polar_search(predict, x, nearer, classes, rows.sizes, rows.rngs, budget, guarded=False)
        return _shorter(predict, x, y, nearer, rows.target, 2)

    def _flattened(self, predict: Predict, x: Tensor, y: Tensor, rows: Rows) -> Tensor:
        """Nearer points in the maximum norm."""
        nearer = corners(predict, x, y, rows.target, rows.sizes, rows.rngs, self.effort.corners, _HALVINGS)
        return _shorter(predict, x, y, nearer, rows.target, torch.inf)


@dataclass(frozen=True)
class Rows:
    """Instances of several tasks side by side.

    Args:
        source, target: int64 ``(n,)``, s and t of each.
        sizes, rngs: how many belong to each task, and its random generator.
    """

    source: Tensor
    target: Tensor
    sizes: list[int]
    rngs: list[torch.Generator]


@dataclass(frozen=True)
class NearestOf:
    """Several searches, of whose points the nearest is kept for each source and norm: each stops at its own minimum."""

    searches: tuple[Search, ...]

    @property
    def title(self) -> str:
        """All of theirs."""
        return "nearest of: " + "; ".join(search.title for search in self.searches)

    def __call__(
        self, classifier: Classifier, tasks: Sequence[AttackTask], progress: Progress = lambda *_: None
    ) -> list[NearestPoints]:
        """Every search in turn."""
        return self.among(tasks, [search(classifier, tasks, progress) for search in self.searches])

    def among(self, tasks: Sequence[AttackTask], found: Sequence[Sequence[NearestPoints]]) -> list[NearestPoints]:
        """The nearest of the points that the searches found, search by search."""
        merged = list[NearestPoints]()
        for task, *parts in zip(tasks, *found, strict=True):
            whole = parts[0]
            for other in parts[1:]:
                whole = _merged(task.x, whole, other)
            merged.append(replace(whole, method=self.title.lower()))
        return merged


def _merged(x: Tensor, a: NearestPoints, b: NearestPoints) -> NearestPoints:
    """Of two findings for the same sources the nearer points."""
    l2 = b.found_l2 & (~a.found_l2 | (lengths(b.l2 - x, "l2") < lengths(a.l2 - x, "l2")))
    linf = b.found_linf & (~a.found_linf | (lengths(b.linf - x, "linf") < lengths(a.linf - x, "linf")))
    axes = (-1,) + (1,) * (x.dim() - 1)
    return replace(
        a,
        l2=torch.where(l2.view(axes), b.l2, a.l2),
        linf=torch.where(linf.view(axes), b.linf, a.linf),
        found_l2=a.found_l2 | b.found_l2,
        found_linf=a.found_linf | b.found_linf,
        tried_l2=torch.maximum(a.tried_l2, b.tried_l2),
        tried_linf=torch.maximum(a.tried_linf, b.tried_linf),
    )


Refine = Callable[[Predict, Tensor, Tensor, Rows], Tensor]


def _by_row(
    refine: Refine, classifier: Classifier, tasks: Sequence[AttackTask], known: Sequence[tuple[Tensor, Tensor]]
) -> list[Tensor]:
    """Refine the points that were found, all tasks together; the others stay: ``(N, *shape)`` of each task."""
    sizes = [int(found.sum()) for _, found in known]
    if not sum(sizes):
        return [points for points, _ in known]
    counts, device = torch.tensor(sizes), classifier.artefact_device
    s, t = (torch.tensor(labels).repeat_interleave(counts).to(device) for labels in _classes(tasks))
    x = torch.cat([task.x[found] for task, (_, found) in zip(tasks, known, strict=True)]).to(device)
    y = torch.cat([points[found] for points, found in known]).to(device)
    nearer = refine(classifier.predict, x, y, Rows(s, t, sizes, [task.rng for task in tasks])).cpu().split(sizes)
    whole = [points.clone() for points, _ in known]
    for points, (_, found), part in zip(whole, known, nearer, strict=True):
        points[found] = part
    return whole


def _classes(tasks: Sequence[AttackTask]) -> tuple[list[int], list[int]]:
    return [task.source for task in tasks], [task.target for task in tasks]


def _shorter(predict: Predict, x: Tensor, known: Tensor, candidate: Tensor, target: Tensor, order: float) -> Tensor:
    """The candidate where it is nearer and of class t when asked again, else the known point."""
    lengths = [torch.linalg.vector_norm((y - x).flatten(1), ord=order, dim=1) for y in (known, candidate)]
    better = (lengths[1] < lengths[0]) & (predict(candidate) == target)
    return torch.where(better.view((-1,) + (1,) * (x.dim() - 1)), candidate, known)
