"""The nearest instance of the target class for each source by decisions alone, where the model has no gradient.

In L2 the polar search starts from the nearest samples of class t, without regard to third classes. In the maximum norm
the way to a point found is clipped at a radius as small as keeps it in t, so that distance is a looser bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from auditor.boundary.base import Progress
from auditor.boundary.gradient_free import at_once
from auditor.boundary.minimal_norm_attack import AttackTask, NearestPoints, nearest_starts
from auditor.functional.distances import l2, linf
from auditor.functional.polar_search import PolarBudget, Predict, entry, polar_search
from auditor.models.classifier import Classifier

_HALVINGS = 14
"""As near to the boundary as matters; closer, a batch of another size could round the point into another class."""


@dataclass(frozen=True)
class DecisionSearch:
    """The search with its settings.

    Args:
        budget: of the search in L2.
        neighbours: samples of class t nearest to a source, of which the one nearest after bisection is its start.
    """

    budget: PolarBudget = field(default_factory=PolarBudget)
    neighbours: int = 5

    title = "Decision-based search"

    def __call__(
        self, classifier: Classifier, tasks: Sequence[AttackTask], progress: Progress = lambda *_: None
    ) -> list[NearestPoints]:
        """Search from the sources of every task."""
        nearest: list[NearestPoints] = []
        while len(nearest) < len(tasks):
            part = tasks[len(nearest) :]
            part = part[: at_once([task.x.numel() for task in part])]
            nearest += self._together(classifier, part)
            progress(self.title, len(nearest), len(tasks))
        return nearest

    def _together(self, classifier: Classifier, tasks: Sequence[AttackTask]) -> list[NearestPoints]:
        predict, sizes, device = classifier.predict, [len(task) for task in tasks], classifier.artefact_device
        x = torch.cat([task.x for task in tasks]).to(device)
        classes = torch.tensor([(task.source, task.target) for task in tasks])
        s, t = classes.repeat_interleave(torch.tensor(sizes), dim=0).to(device).unbind(1)
        start, started, tried = self._starts(predict, x, (s, t), tasks)
        near, flat = x.clone(), x.clone()
        rows = torch.nonzero(started).flatten()
        if len(rows):
            going = [int(part.sum()) for part in started.cpu().split(sizes)]
            rngs = [task.rng for task in tasks]
            classes_going = (s[rows], t[rows])
            found = polar_search(predict, x[rows], start[rows], classes_going, going, rngs, self.budget, guarded=False)
            near[rows], _ = entry(predict, x[rows], found, s[rows], t[rows], _HALVINGS)
            flat[rows] = clipped(predict, x[rows], near[rows], t[rows], _HALVINGS)
        found_l2, found_linf = predict(near) == t, predict(flat) == t
        parts = zip(*(part.cpu().split(sizes) for part in (near, flat, found_l2, found_linf, *tried)), strict=True)
        return [
            NearestPoints(near, flat, found_l2, found_linf, tried_l2, tried_linf, self.title.lower())
            for near, flat, found_l2, found_linf, tried_l2, tried_linf in parts
        ]

    def _starts(
        self, predict: Predict, x: Tensor, classes: tuple[Tensor, Tensor], tasks: Sequence[AttackTask]
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """The nearest point of t between each source and its neighbours: points, whether there is one, how far tried.

        Returns:
            float32 ``(N, *shape)``, bool ``(N,)``, and float32 ``(N,)`` in L2 and in the maximum norm.
        """
        s, t = classes
        start, started = x.clone(), torch.zeros_like(s, dtype=torch.bool)
        distance, tried = x.new_full((len(x),), torch.inf), (x.new_zeros(len(x)), x.new_zeros(len(x)))
        for neighbour in torch.cat([nearest_starts(task, self.neighbours) for task in tasks], dim=1).to(x.device):
            tried = torch.maximum(tried[0], l2(x, neighbour)), torch.maximum(tried[1], linf(x, neighbour))
            rows = torch.nonzero(predict(neighbour) == t).flatten()
            met, _ = entry(predict, x[rows], neighbour[rows], s[rows], t[rows], _HALVINGS)
            nearer = l2(x[rows], met) < distance[rows]
            nearer = torch.nonzero(nearer).flatten()
            rows, met = rows[nearer], met[nearer]
            start[rows], started[rows], distance[rows] = met, True, l2(x[rows], met)
        return start, started, tried


def clipped(predict: Predict, x: Tensor, y: Tensor, target: Tensor, halvings: int) -> Tensor:
    """x + clip(y - x, -r, r) with r about as small as keeps it in t: the way to y with its largest changes cut.

    Args:
        x, y (float32): ``(N, *shape)``, sources and points predicted t.
        target (int64): ``(N,)``.
    Returns:
        float32 ``(N, *shape)``, predicted t.
    """
    axes = (-1,) + (1,) * (x.dim() - 1)
    way = y - x
    low, high = x.new_zeros(len(x)), way.flatten(1).abs().amax(dim=1) if len(x) else x.new_zeros(0)

    def at(radius: Tensor) -> Tensor:
        limit = radius.view(axes)
        return x + torch.maximum(torch.minimum(way, limit), -limit)

    for _ in range(halvings):
        middle = (low + high) / 2
        inside = predict(at(middle)) == target
        low, high = torch.where(inside, low, middle), torch.where(inside, middle, high)
    return at(high)
