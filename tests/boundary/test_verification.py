"""Whatever a generator returns, only what the artefact itself puts on the boundary is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from auditor.boundary.base import BoundaryInstances, DirectionTask, Generator, Progress, on_boundary
from auditor.boundary.rpbs import RPBS
from auditor.models.classifier import Classifier
from tests.analytic import around_the_middle, half_space, task


@dataclass(frozen=True)
class Careless(Generator):
    """Returns its sources as if they were boundary instances, except the first, which is one."""

    title = "careless"

    def _run(
        self, classifier: Classifier, tasks: Sequence[DirectionTask], progress: Progress
    ) -> list[BoundaryInstances]:
        (t,) = tasks
        true = RPBS()(classifier, [t])[0]
        x = torch.cat([true.x_boundary[:1], t.x_source[1:] + 5])
        steps = torch.ones(len(x), dtype=torch.int64)
        p = torch.full((len(x), 2), 0.5)
        return [
            BoundaryInstances(
                0, 1, t.x_source, x, x, x, p, steps, len(x), len(x), len(x), torch.arange(len(x)), 0 * steps
            ),
        ]


def test_false_claims_are_dropped_and_counted() -> None:
    _, f = half_space()
    cut = task(f, around_the_middle(60, 32, seed=1), 0, 1)
    (found,) = Careless()(f, [cut])
    assert len(found) == 1
    assert found.x_boundary.min() >= 0
    assert found.x_boundary.max() <= 1
    assert found.failures["not on the boundary when verified on the artefact"] == found.requested - 1


def test_on_boundary_needs_both_to_lead_and_to_agree() -> None:
    p = torch.tensor([[0.4, 0.4, 0.2], [0.4, 0.3998, 0.2002], [0.3, 0.3, 0.4], [0.5, 0.5, 0.0]])
    assert on_boundary(p, 0, 1).tolist() == [True, False, False, True]
    assert on_boundary(p[:, :2], 0, 1).tolist() == [True, False, True, True]
