"""Instances that came of different sources of a direction, put together again."""

from __future__ import annotations

from dataclasses import replace

import torch

from auditor.boundary.base import DirectionTask
from auditor.boundary.nearest import Nearest
from auditor.boundary.source_parts import together
from tests.analytic import Sectors, classifier


def test_parts_put_together_are_what_all_sources_give_at_once() -> None:
    f = classifier(Sectors(), (2,), 3)
    x = torch.rand(400, 2, generator=torch.Generator().manual_seed(0))
    predicted = f.predict(x)
    cut = DirectionTask(1, 2, x[predicted == 1], x[predicted == 2], None, None, torch.Generator().manual_seed(0))
    order = torch.randperm(len(cut.x_source), generator=torch.Generator().manual_seed(1))
    rows = [order[:40].sort().values, order[40:50].sort().values, order[50:].sort().values]
    (whole,) = Nearest(neighbours=1)(f, [cut])
    parts = [Nearest(neighbours=1)(f, [replace(cut, x_source=cut.x_source[row])])[0] for row in rows]
    joined = together(parts, rows)
    assert whole.third_class.total() > 0
    assert 0 < whole.failures.total() < whole.requested == joined.requested
    for name in ("adversarial", "adversarial_of_adversarial", "third_class", "third_by_part", "failures", "x_across"):
        assert getattr(joined, name) == getattr(whole, name), name
    for name in ("origin", "part", "steps", "x_source", "x_adversarial", "x_adversarial_of_adversarial"):
        assert torch.equal(getattr(joined, name), getattr(whole, name)), name
    torch.testing.assert_close(joined.x_boundary, whole.x_boundary, atol=1e-6, rtol=0)
    torch.testing.assert_close(joined.p_boundary, whole.p_boundary, atol=1e-5, rtol=0)


def test_one_part_is_itself() -> None:
    f = classifier(Sectors(), (2,), 3)
    x = torch.rand(60, 2, generator=torch.Generator().manual_seed(0))
    predicted = f.predict(x)
    cut = DirectionTask(0, 1, x[predicted == 0], x[predicted == 1], None, None, torch.Generator().manual_seed(0))
    (found,) = Nearest()(f, [cut])
    same = together([found], [torch.arange(len(cut.x_source))])
    assert torch.equal(same.x_boundary, found.x_boundary)
    assert (same.requested, same.failures) == (found.requested, found.failures)
