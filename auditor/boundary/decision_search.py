"""The nearest instance of the target class for each source by decisions alone, where the model has no gradient.

In L2 the polar search goes on from the generated instance, now without regard to third classes. In the maximum norm
the way to a point found is clipped at a radius as small as keeps it in t, so that distance is a looser bound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from auditor.boundary.base import BoundaryInstances, Progress
from auditor.boundary.gradient_free import at_once
from auditor.boundary.minimal_norm import NearestPoints, drawn_sources
from auditor.functional.distances import l2
from auditor.functional.polar_search import PolarBudget, Predict, entry, polar_search
from auditor.models.classifier import Classifier

_HALVINGS = 20


@dataclass(frozen=True)
class DecisionSearch:
    """The search with its settings.

    Args:
        sources: most sources searched from in one direction.
        budget: of the search in L2.
    """

    sources: int = 100
    budget: PolarBudget = field(default_factory=PolarBudget)

    title = "Decision-based search"

    def __call__(
        self,
        classifier: Classifier,
        directions: Sequence[BoundaryInstances],
        rngs: Sequence[torch.Generator],
        progress: Progress = lambda *_: None,
    ) -> list[NearestPoints]:
        """Search from sources of every direction.

        Args:
            directions: generated instances; their sources are searched from and they serve as starts.
            rngs: generator of each direction.
        """
        index = drawn_sources(directions, self.sources, rngs)
        found: list[NearestPoints] = []
        while len(found) < len(directions):
            numbers = [len(rows) * math.prod(classifier.instance_shape) for rows in index[len(found) :]]
            part = slice(len(found), len(found) + at_once(numbers))
            found += self._together(classifier, directions[part], index[part], rngs[part])
            progress(self.title, len(found), len(directions))
        return found

    def _together(
        self,
        classifier: Classifier,
        directions: Sequence[BoundaryInstances],
        index: Sequence[Tensor],
        rngs: Sequence[torch.Generator],
    ) -> list[NearestPoints]:
        predict, sizes = classifier.predict, [len(rows) for rows in index]

        def joined(name: str) -> Tensor:
            return torch.cat([getattr(d, name)[rows] for d, rows in zip(directions, index, strict=True)])

        x, boundary = joined("x_source"), joined("x_boundary")
        classes = torch.tensor([(d.source, d.target) for d in directions])
        s, t = classes.repeat_interleave(torch.tensor(sizes), dim=0).unbind(1)
        # x' may lie beside the segment from the source to the boundary instance: both are starts.
        start, _ = entry(predict, x, joined("x_adversarial"), s, t, _HALVINGS)
        start = _nearer(x, start, boundary, predict(boundary) == t)
        near = polar_search(predict, x, start, (s, t), sizes, rngs, self.budget, guarded=False)
        near, _ = entry(predict, x, near, s, t, _HALVINGS)
        flat = clipped(predict, x, near, t, _HALVINGS)
        parts = zip(
            index, *(part.split(sizes) for part in (near, flat, predict(near) == t, predict(flat) == t)), strict=True
        )
        return [
            NearestPoints(rows, l2_points, linf_points, found_l2, found_linf, "decision-based search")
            for rows, l2_points, linf_points, found_l2, found_linf in parts
        ]


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
    low, high = torch.zeros(len(x)), way.flatten(1).abs().amax(dim=1) if len(x) else torch.zeros(0)

    def at(radius: Tensor) -> Tensor:
        limit = radius.view(axes)
        return x + torch.maximum(torch.minimum(way, limit), -limit)

    for _ in range(halvings):
        middle = (low + high) / 2
        inside = predict(at(middle)) == target
        low, high = torch.where(inside, low, middle), torch.where(inside, middle, high)
    return at(high)


def _nearer(x: Tensor, a: Tensor, b: Tensor, b_counts: Tensor) -> Tensor:
    """Row by row b where it counts and is nearer to x than a."""
    nearer = b_counts & (l2(x, b) < l2(x, a))
    return torch.where(nearer.view((-1,) + (1,) * (x.dim() - 1)), b, a)
