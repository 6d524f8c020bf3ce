"""The nearest instance of the target class for each source, by a targeted minimal-norm attack.

DeepDIG shows plausible instances; this shows how near the boundary is. DeepDIG's own instances are
among the starts, so the distance found is never larger than theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from auditor.boundary.base import BoundaryInstances, Progress
from auditor.functional.minimal_norm import AttackBudget, minimal_norm
from auditor.functional.projection import Norm
from auditor.models.classifier import Classifier

NORMS: tuple[Norm, Norm] = ("l2", "linf")


@dataclass(frozen=True)
class NearestPoints:
    """Nearest points of class t found from some sources of one direction.

    Args:
        index: int64 ``(M,)``, rows of the direction's ``x_source`` that were attacked.
        l2, linf: float32 ``(M, *shape)``, the nearest points in each norm, predicted t by the artefact.
        found_l2, found_linf: bool ``(M,)``, whether one was found.
        method: who found them, as figures label it.
    """

    index: Tensor
    l2: Tensor
    linf: Tensor
    found_l2: Tensor
    found_linf: Tensor
    method: str = "minimal-norm attack"


@dataclass(frozen=True)
class NearestSearch:
    """The attack with its settings.

    Args:
        sources: most sources attacked in one direction.
        budget: steps of the parts of the attack in L2; in Linf two thirds as many of DDN.
    """

    sources: int = 100
    budget: AttackBudget = field(default_factory=AttackBudget)

    title = "Minimal-norm attack"

    def __call__(
        self,
        classifier: Classifier,
        directions: Sequence[BoundaryInstances],
        rngs: Sequence[torch.Generator],
        progress: Progress = lambda *_: None,
    ) -> list[NearestPoints]:
        """Attack every direction together.

        Args:
            directions: generated instances; their sources are attacked and they serve as starts.
            rngs: generator of each direction; draws which sources are attacked.
        """
        index = drawn_sources(directions, self.sources, rngs)
        x = torch.cat([d.x_source[rows] for d, rows in zip(directions, index, strict=True)])
        starts = torch.cat([d.x_adversarial[rows] for d, rows in zip(directions, index, strict=True)])
        # The boundary instance may fall on either side of t; the adversarial one is surely in t.
        boundary = torch.cat([d.x_boundary[rows] for d, rows in zip(directions, index, strict=True)])
        sizes = [len(rows) for rows in index]
        target = torch.tensor([d.target for d in directions]).repeat_interleave(torch.tensor(sizes))
        points: dict[Norm, tuple[Tensor, Tensor]] = {}
        known = [starts, boundary]
        for half, norm in enumerate(NORMS):
            # The nearest point in L2 is a good start in Linf, which then needs fewer steps.
            budget = replace(self.budget, ddn=self.budget.ddn * (3 - half) // 3)
            points[norm] = self._in_norm(classifier, x, target, known, norm, budget, progress)
            known = [*known, points[norm][0]]
        parts = [tensor.split(sizes) for norm in NORMS for tensor in points[norm]]
        return [NearestPoints(*row) for row in zip(index, parts[0], parts[2], parts[1], parts[3], strict=True)]

    def _in_norm(
        self,
        classifier: Classifier,
        x: Tensor,
        target: Tensor,
        starts: list[Tensor],
        norm: Norm,
        budget: AttackBudget,
        progress: Progress,
    ) -> tuple[Tensor, Tensor]:
        def logits(part: Tensor) -> Tensor:
            return classifier.logits(part.to(classifier.device))

        def part(rows: Tensor) -> tuple[Tensor, Tensor]:
            progress(self.title, NORMS.index(norm) * len(x) + int(rows[0]), 2 * len(x))
            near = [start[rows] for start in starts]
            return minimal_norm(logits, classifier.predict, x[rows], target[rows], near, norm=norm, budget=budget)

        none = x[:0], torch.zeros(0, dtype=torch.bool)
        best, found = zip(none, *classifier.batching.run(part, torch.arange(len(x))), strict=True)
        return torch.cat(best), torch.cat(found)


def drawn_sources(directions: Sequence[BoundaryInstances], most: int, rngs: Sequence[torch.Generator]) -> list[Tensor]:
    """Rows of each direction that are attacked: int64, at most ``most``, without replacement, in order."""
    return [torch.randperm(len(d), generator=rng)[:most].sort().values for d, rng in zip(directions, rngs, strict=True)]
