"""Pair steps: on the boundary of closed forms, near the nearest point, past third classes, and what is left over."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from auditor.boundary.answer_checks import check_answers
from auditor.boundary.base import on_boundary
from auditor.boundary.nearest import Nearest
from auditor.boundary.pair_steps import PairSteps
from auditor.functional.distances import l2
from tests.analytic import Sectors, Spheres, around_the_middle, classifier, half_space, task


class Between(nn.Module):
    """Three classes along x_0: 0 on the left, 2 on the right, and 1 in a wedge between that ends at x_1 = 0.8."""

    def forward(self, x: Tensor) -> Tensor:
        wedge = 0.1 - (x[:, 0] - 0.5).abs() - (x[:, 1] - 0.6) / 2
        return 20 * torch.stack([0.5 - x[:, 0], wedge, x[:, 0] - 0.5], dim=1)


def test_one_step_leads_past_a_plane_and_the_instance_is_the_nearest_point() -> None:
    model, f = half_space()
    cut = task(f, around_the_middle(200, 32, seed=1), 0, 1)
    (found,) = PairSteps()(f, [cut])
    assert len(found) == found.requested == f.spent.backward
    assert model.distance(found.x_boundary).abs().max() < 1e-5
    torch.testing.assert_close(
        l2(found.x_source, found.x_boundary), model.distance(found.x_source).abs().float(), atol=1e-4, rtol=0
    )


def test_instances_lie_on_the_sphere() -> None:
    model = Spheres(torch.full((6,), 0.5), 0.5)
    f = classifier(model, (6,), 2)
    x = torch.rand(300, 6, generator=torch.Generator().manual_seed(2))
    for found in PairSteps()(f, [task(f, x, s, 1 - s) for s in (0, 1)]):
        assert len(found) == found.requested
        assert model.distance(found.x_boundary).abs().max() < 1e-5
        assert (l2(found.x_source, found.x_boundary) / model.distance(found.x_source).abs()).median() < 1.1


def test_the_way_leads_around_a_third_class() -> None:
    """From one outer class to the other the nearest way of every source leads through the wedge between them."""
    f = classifier(Between(), (2,), 3)
    x = torch.rand(400, 2, generator=torch.Generator().manual_seed(3)) * torch.tensor([1.0, 0.6])
    cut = task(f, x, 0, 2)
    (straight,), (found,) = Nearest()(f, [cut]), PairSteps()(f, [cut])
    assert len(straight) == 0
    assert len(found) == found.requested > 50
    assert on_boundary(found.p_boundary, 0, 2).all()
    assert (found.x_boundary[:, 1] > 0.79).all()
    assert found.rescued.total() == 0
    assert (f.predict(found.x_adversarial) == 2).all()
    assert (f.predict(found.x_adversarial_of_adversarial) == 0).all()


def test_where_no_step_is_allowed_samples_of_the_other_class_serve() -> None:
    f = classifier(Sectors(), (2,), 3)
    cut = task(f, torch.rand(300, 2, generator=torch.Generator().manual_seed(4)), 1, 2)
    (found,), (segments,) = PairSteps(steps=0, neighbours=5)(f, [cut]), Nearest()(f, [cut])
    assert torch.equal(found.origin, segments.origin)
    torch.testing.assert_close(found.x_boundary, segments.x_boundary, atol=1e-4, rtol=0)
    assert found.rescued == {"segment to a sample of the other class": len(found)}
    assert found.failures == segments.failures
    (walked,) = PairSteps()(f, [cut])
    assert len(walked) == walked.requested
    assert walked.rescued.total() < 0.1 * len(walked)
    check_answers([cut, cut], [found, walked], 3)


def test_without_samples_of_the_target_it_walks_all_the_same() -> None:
    _, f = half_space()
    cut = task(f, around_the_middle(80, 32, seed=5), 0, 1)
    none = dataclasses.replace(cut, x_target=cut.x_target[:0])
    (found,), (lost,) = PairSteps()(f, [none]), PairSteps(steps=0)(f, [none])
    assert len(found) == found.requested
    assert (len(lost), lost.failures.total()) == (0, lost.requested)
    (nothing,) = PairSteps()(f, [dataclasses.replace(cut, x_source=cut.x_source[:0])])
    assert (len(nothing), nothing.requested) == (0, 0)
    check_answers([none, none], [found, lost], 2)


def test_directions_beside_each_other_do_not_change_each_other() -> None:
    f = classifier(Sectors(), (2,), 3)
    x = torch.rand(200, 2, generator=torch.Generator().manual_seed(6))
    tasks = [task(f, x, 1, 2), task(f, x, 2, 0), task(f, x[:9], 0, 1)]
    for one, cut in zip(PairSteps()(f, tasks), tasks, strict=True):
        (alone,) = PairSteps()(f, [cut])
        torch.testing.assert_close(one.x_boundary, alone.x_boundary, atol=1e-6, rtol=0)
        assert torch.equal(one.origin, alone.origin)


def test_the_estimate_counts_what_is_asked() -> None:
    f = classifier(Sectors(), (2,), 3)
    cut = task(f, torch.rand(900, 2, generator=torch.Generator().manual_seed(7)), 1, 2)
    before = dataclasses.replace(f.spent)
    (found,) = PairSteps()(f, [cut])
    expected = PairSteps().cost(1, found.requested)
    assert 0.3 < (f.spent.forward - before.forward) / expected.forward < 3
    assert 0.3 < (f.spent.backward - before.backward) / expected.backward < 3
