"""Nearest samples: the right partner, the boundary where closed forms have it, the next partner past a third class."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from auditor.boundary.answer_checks import check_answers
from auditor.boundary.base import DirectionTask, on_boundary
from auditor.boundary.nearest import Nearest
from auditor.boundary.rpbs import RPBS
from tests.analytic import Sectors, Spheres, around_the_middle, classifier, half_space, task


def sectors(sources: list[tuple[float, float]], targets: list[tuple[float, float]]) -> DirectionTask:
    """From sector 1 to sector 2."""
    x, y = torch.tensor(sources), torch.tensor(targets)
    return DirectionTask(1, 2, x, y, None, None, torch.Generator().manual_seed(0))


def test_each_instance_lies_where_the_segment_to_the_nearest_sample_meets_the_plane() -> None:
    model, f = half_space()
    cut = task(f, around_the_middle(150, 32, seed=1), 0, 1)
    (found,) = Nearest()(f, [cut])
    assert len(found) == found.requested == len(cut.x_source)
    for source, partner, x in zip(found.x_source, found.x_adversarial, found.x_boundary, strict=True):
        assert torch.equal(partner, min(cut.x_target, key=lambda y: float((y - source).norm())))
        ends = torch.stack([source, partner])
        below, above = model.distance(ends)
        torch.testing.assert_close(x, torch.lerp(*ends, float(below / (below - above))), atol=1e-4, rtol=0)
    assert torch.equal(found.x_adversarial_of_adversarial, found.x_source)
    assert f.spent.backward == 0


def test_instances_lie_on_the_sphere() -> None:
    model = Spheres(torch.full((6,), 0.5), 0.5)
    f = classifier(model, (6,), 2)
    x = torch.rand(300, 6, generator=torch.Generator().manual_seed(2))
    for found in Nearest()(f, [task(f, x, s, 1 - s) for s in (0, 1)]):
        assert len(found) == found.requested
        assert model.distance(found.x_boundary).abs().max() < 1e-5


def test_a_third_class_on_the_way_sends_it_to_the_next_nearest() -> None:
    """Straight to the right the way from the upper left leads through the top; further down it does not."""
    f = classifier(Sectors(), (2,), 3)
    cut = sectors([(0.2, 0.6), (0.3, 0.3)], [(0.8, 0.6), (0.75, 0.2)])
    assert f.predict(torch.cat([cut.x_source, cut.x_target])).tolist() == [1, 1, 2, 2]
    (found,) = Nearest()(f, [cut])
    assert found.origin.tolist() == [0, 1]
    assert torch.equal(found.x_adversarial, cut.x_target[[1, 1]])
    assert (found.third_class, found.failures.total(), found.third_by_part) == ({0: 1}, 0, {0: (2, 1)})
    assert on_boundary(found.p_boundary, 1, 2).all()
    (alone,) = Nearest(neighbours=1)(f, [cut])
    assert alone.origin.tolist() == [1]
    assert alone.failures == {"a third class led between the ends": 1}
    assert found.steps[0] > alone.steps[0]


def test_more_sources_are_reached_than_by_random_pairs() -> None:
    f = classifier(Sectors(), (2,), 3)
    cut = task(f, torch.rand(300, 2, generator=torch.Generator().manual_seed(3)), 1, 2)
    (random,), (nearest,) = RPBS()(f, [cut]), Nearest()(f, [cut])
    assert len(random) < len(nearest)
    check_answers([cut], [nearest], 3)


@pytest.mark.parametrize(("targets", "neighbours"), [(1, 8), (3, 8), (8, 1)])
def test_directions_of_other_sizes_do_not_change_each_other(targets: int, neighbours: int) -> None:
    f = classifier(Sectors(), (2,), 3)
    x = torch.rand(200, 2, generator=torch.Generator().manual_seed(4))
    first, second = task(f, x, 1, 2), task(f, x, 2, 1)
    second = dataclasses.replace(second, x_target=second.x_target[:targets])
    made = Nearest(neighbours=neighbours)
    together = made(f, [first, second])
    for one, alone in zip(together, [made(f, [first])[0], made(f, [second])[0]], strict=True):
        assert torch.equal(one.x_boundary, alone.x_boundary)
        assert torch.equal(one.x_adversarial, alone.x_adversarial)
        assert one.failures == alone.failures


def test_no_source_and_no_sample_of_the_target_are_empty_answers() -> None:
    _, f = half_space()
    cut = task(f, around_the_middle(50, 32, seed=4), 0, 1)
    no_target = dataclasses.replace(cut, x_target=cut.x_target[:0])
    no_source = dataclasses.replace(cut, x_source=cut.x_source[:0])
    (found,), (nothing,) = Nearest()(f, [no_target]), Nearest()(f, [no_source])
    assert len(found) == len(nothing) == nothing.requested == 0
    assert found.requested == found.failures.total() == len(cut.x_source)
    check_answers([no_target, no_source], [found, nothing], 2)


def test_the_estimate_counts_what_is_asked() -> None:
    _, f = half_space()
    cut = task(f, around_the_middle(400, 32, seed=5), 0, 1)
    before = f.spent.forward
    (found,) = Nearest()(f, [cut])
    expected = Nearest().cost(1, found.requested)
    assert 0.5 < (f.spent.forward - before) / expected.forward < 2
    assert expected.backward == 0
