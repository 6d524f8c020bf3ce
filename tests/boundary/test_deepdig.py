"""DeepDIG end to end on models whose boundary is known, and on what it must count, keep and repeat."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from auditor.boundary.base import BETA, BoundaryInstances, DirectionTask, on_boundary
from auditor.boundary.best_so_far import BestSoFar
from auditor.boundary.components import translate
from auditor.boundary.deepdig import DeepDIG, Recipe
from auditor.boundary.segments import Segments, between
from auditor.boundary.training import Training
from tests.analytic import Sectors, Spheres, around_the_middle, classifier, half_space, task

STEPS = Training(steps=80, batch=64, learning_rate=3e-3)
FAST = DeepDIG(Recipe(forth=STEPS, back=STEPS))


def run(f, tasks: list[DirectionTask]) -> list[BoundaryInstances]:
    for t in tasks:
        t.rng.manual_seed(5)
    return FAST(f, tasks)


def accounted(found: BoundaryInstances) -> bool:
    return len(found) + sum(found.failures.values()) == found.requested


def named(found: BoundaryInstances, cut: DirectionTask) -> bool:
    """Each instance says which source it was made from, no source twice."""
    return torch.equal(found.x_source, cut.x_source[found.origin]) and len(found.origin.unique()) == len(found)


def test_half_space_instances_lie_on_the_plane() -> None:
    model, f = half_space()
    x = around_the_middle(300, 32, seed=1)
    forth, back = run(f, [task(f, x, 0, 1), task(f, x, 1, 0)])
    for found in (forth, back):
        assert len(found) >= 0.99 * found.requested
        assert accounted(found)
        assert model.distance(found.x_boundary).abs().max() < 1e-3
        assert on_boundary(f.probabilities(found.x_boundary), found.source, found.target).all()
        assert (f.predict(found.x_adversarial) == found.target).all()
        assert (f.predict(found.x_adversarial_of_adversarial) == found.source).all()


def test_half_space_instances_are_near_their_projection() -> None:
    """A plane is the easy case: the trained step should be close to the shortest one, and not collapse."""
    model, f = half_space()
    x = around_the_middle(300, 32, seed=2)
    (found,) = run(f, [task(f, x, 0, 1)])
    moved = (found.x_boundary - found.x_source).norm(dim=1)
    assert float((moved / model.distance(found.x_source).abs()).median()) < 1.5
    apart = torch.cdist(found.x_boundary, found.x_boundary).fill_diagonal_(torch.inf).amin(1).median()
    sources = torch.cdist(found.x_source, found.x_source).fill_diagonal_(torch.inf).amin(1).median()
    assert apart > 0.5 * sources


def test_sphere_instances_have_the_radius() -> None:
    f = classifier(Spheres(torch.full((16,), 0.5), 0.5), (16,), 2)
    x = around_the_middle(400, 16, seed=3, spread=0.14)
    (found,) = run(f, [task(f, x, 0, 1)])
    assert len(found) >= 0.99 * found.requested
    torch.testing.assert_close((found.x_boundary - 0.5).norm(dim=1), torch.full((len(found),), 0.5), atol=1e-4, rtol=0)


def test_three_sectors_keep_the_third_class_out() -> None:
    f = classifier(Sectors(), (2,), 3)
    x = torch.rand(400, 2, generator=torch.Generator().manual_seed(4))
    tasks = {(s, t): task(f, x, s, t) for s in range(3) for t in range(3) if s != t}
    for found in run(f, list(tasks.values())):
        p = found.p_boundary
        assert accounted(found)
        assert len(found) > 0.9 * found.requested
        assert ((p[:, found.source] - p[:, found.target]).abs() < BETA).all()
        third = 3 - found.source - found.target
        assert named(found, tasks[found.source, found.target])
        assert (p[:, third] <= torch.minimum(p[:, found.source], p[:, found.target])).all()


def test_same_generators_same_instances_however_directions_are_grouped() -> None:
    _, f = half_space()
    x = around_the_middle(150, 32, seed=5)
    tasks = [task(f, x, 0, 1), task(f, x, 1, 0)]
    together, again = run(f, tasks), run(f, tasks)
    assert all(torch.equal(a.x_boundary, b.x_boundary) for a, b in zip(together, again, strict=True))
    alone = [run(f, [t])[0] for t in tasks]
    for a, b in zip(together, alone, strict=True):
        assert len(a) == len(b)
        torch.testing.assert_close(a.x_boundary, b.x_boundary, atol=1e-3, rtol=0)


def test_a_direction_without_sources_gives_an_empty_answer_beside_full_ones() -> None:
    _, f = half_space()
    x = around_the_middle(100, 32, seed=6)
    full = task(f, x, 0, 1)
    empty = dataclasses.replace(full, x_source=full.x_source[:0])
    first, second = run(f, [empty, full])
    assert (first.requested, len(first)) == (0, 0)
    assert len(second) > 0


def test_an_unreachable_class_is_counted_with_its_reason() -> None:
    model, f = half_space()
    x = around_the_middle(40, 32, seed=7)
    cut = dataclasses.replace(task(f, x, 0, 1), x_target=x[:0])
    model.offset -= 1000.0
    (found,) = run(f, [cut])
    assert len(found) == 0
    assert accounted(found)
    assert found.failures["Component I did not reach the target class"] == found.requested


def test_images_larger_than_the_perceptron_takes() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    f = classifier(net, (3, 60, 80), 2)
    x = torch.rand(60, 3, 60, 80, generator=torch.Generator().manual_seed(8))
    z = f.probabilities(x)
    net[4].bias.data[1] += float((z[:, 0] / z[:, 1]).log().median())
    (found,) = run(f, [task(f, x, 0, 1)])
    assert len(found) >= 0.9 * found.requested > 0


def test_the_authors_settings_are_those_of_the_design() -> None:
    recipe = DeepDIG.configured("paper").recipe
    t = recipe.forth
    assert (t.learning_rate, t.steps, t.batch, t.alpha, t.gamma) == (0.01, 5000, 128, 0.8, 0.0)
    assert t.rate(999) == 0.01
    assert t.rate(1000) == pytest.approx(0.0095)
    assert t.distance == "bce"
    assert recipe.back == t
    assert recipe.shared is None
    assert recipe.rescue is None
    assert DeepDIG.configured("paper").halve_only
    assert not DeepDIG.configured("standard").halve_only


def test_training_ends_when_nothing_improves() -> None:
    _, f = half_space()
    x = around_the_middle(80, 32, seed=9)
    cut = task(f, x, 0, 1)
    seen: list[int] = []
    endless = Training(steps=4000, check_every=20, decay="paper")
    translate(f, [cut.x_source], [(0, 1)], [cut.rng], endless, lambda now, of: seen.append(now))
    assert seen[-1] == 4000
    assert seen[-2] < 2000


def test_arrivals_keep_the_nearest_that_is_clear_of_third_classes() -> None:
    start, sure, mixed, outside = torch.zeros(5, 1), [0.2, 0.8, 0.0], [0.1, 0.5, 0.4], [0.9, 0.1, 0.0]
    free, crossed = torch.ones(5, dtype=torch.bool), torch.tensor([True, True, True, True, False])
    found = BestSoFar.none(start)
    found.update(start, torch.full((5, 1), 0.4), torch.tensor([sure, sure, outside, mixed, sure]), (0, 1), free)
    nearer = torch.tensor([[0.1], [0.2], [0.2], [0.9], [0.1]])
    found.update(start, nearer, torch.tensor([sure, mixed, outside, sure, sure]), (0, 1), crossed)
    assert found.arrived.tolist() == [True, True, False, True, True]
    torch.testing.assert_close(found.x, torch.tensor([[0.1], [0.4], [0.0], [0.9], [0.4]]))


def test_a_segment_lost_to_a_third_class_is_tried_again_with_a_neighbour() -> None:
    f = classifier(Sectors(), (2,), 3)
    cut = task(f, torch.rand(300, 2, generator=torch.Generator().manual_seed(3)), 1, 2)
    count = min(len(cut.x_source), len(cut.x_target))
    x, rows = cut.x_source[:count], torch.arange(count)
    segments = Segments(cut, x, cut.x_target[:count], x, rows, 0 * rows, count, count)
    (once,) = between(f, [segments], beta=BETA, max_steps=60)
    (retried,) = between(f, [segments], beta=BETA, max_steps=60, retries=5)
    assert 0 < len(once) < len(retried)
    assert retried.third_class == once.third_class
    assert on_boundary(f.probabilities(retried.x_boundary), 1, 2).all()
    assert (f.predict(retried.x_adversarial_of_adversarial) == 1).all()
    assert named(retried, cut)
    assert accounted(retried)


def corners(count: int, classes: int) -> torch.Tensor:
    """Samples around as many corners of the cube."""
    rng = torch.Generator().manual_seed(11)
    at = torch.eye(classes).repeat_interleave(count, dim=0) * 0.6 + 0.2
    return (at + 0.08 * torch.randn(at.shape, generator=rng)).clamp(0, 1)


def test_what_is_learned_once_serves_every_direction() -> None:
    """Six classes, linear: with a shared start far fewer steps lead as near, and every instance is on the boundary."""
    f = classifier(nn.Sequential(nn.Flatten(), scaled_identity(6)), (6,), 6)
    x = corners(60, 6)
    directions = [(s, t) for s in range(6) for t in range(6) if s != t]
    by_class = {label: x[f.predict(x) == label] for label in range(6)}
    plain = DeepDIG()
    shared = plain.prepared(f, directions, lambda _: by_class, rng=torch.Generator().manual_seed(0))
    assert shared.start is not None
    assert sorted(shared.start.place) == [(target, part) for target in range(6) for part in range(2)]
    assert shared.learned == {
        "generators of a direction": "2, each on its part of the sources",
        "shared start": "2 networks for each of 6 target classes",
    }
    spent = []
    for generator in (plain, shared):
        before = f.spent.backward
        found = generator(f, [task(f, x, s, t) for s, t in directions])
        spent.append(f.spent.backward - before)
        assert sum(len(one) for one in found) >= 0.98 * sum(one.requested for one in found)
        moved = torch.cat([(one.x_boundary - one.x_source).norm(dim=1) for one in found])
        # Half way between two corners lies the plane between their classes.
        assert float(moved.median()) < 1.6 * 0.6 / 2**0.5
    assert spent[1] < 0.6 * spent[0]


def test_few_directions_start_on_their_own() -> None:
    _, f = half_space()
    plain = DeepDIG()
    made = plain.prepared(f, [(0, 1), (1, 0)], lambda _: {}, rng=torch.Generator())
    assert made.start is None
    assert made.learned == {"generators of a direction": "4, each on its part of the sources"}
    assert repr(plain) == repr(dataclasses.replace(plain, start=None))


def test_parts_of_a_direction_are_carried_by_generators_that_share_nothing() -> None:
    """Each part is what it would be if the other part's sources were others."""
    _, f = half_space()
    cut = task(f, around_the_middle(300, 32, seed=2), 0, 1)
    odd = torch.arange(len(cut.x_source)) % 2 == 1
    others = around_the_middle(300, 32, seed=3)
    swapped = cut.x_source.clone()
    swapped[odd] = others[f.predict(others) == 0][: int(odd.sum())]
    two = DeepDIG(dataclasses.replace(FAST.recipe, parts=(2, 2)))
    found, changed = (two(f, [dataclasses.replace(cut, x_source=x, rng=seeded(5))])[0] for x in (cut.x_source, swapped))
    for one in (found, changed):
        assert torch.equal(one.part, one.origin % 2)
        assert len(one) >= 0.95 * one.requested
        assert accounted(one)
        assert (one.origin.diff() > 0).all()
    assert named(found, cut)
    here, there = found.keep(found.part == 0), changed.keep(changed.part == 0)
    assert torch.equal(here.origin, there.origin)
    torch.testing.assert_close(here.x_boundary, there.x_boundary, atol=1e-4, rtol=0)
    # The two halves carry the same source to different places.
    mirrored = dataclasses.replace(cut, x_source=cut.x_source[::2].repeat_interleave(2, dim=0), rng=seeded(5))
    (both,) = two(f, [mirrored])
    first, second = both.keep(both.part == 0), both.keep(both.part == 1)
    common = torch.isin(first.origin, second.origin - 1), torch.isin(second.origin - 1, first.origin)
    apart = (first.x_boundary[common[0]] - second.x_boundary[common[1]]).norm(dim=1)
    assert float(apart.median()) > 0.01


def test_few_sources_are_in_fewer_parts() -> None:
    _, f = half_space()
    cut = task(f, around_the_middle(300, 32, seed=2), 0, 1)
    for count, parts in ((15, 1), (16, 2), (31, 3), (64, 4)):
        (found,) = FAST(f, [dataclasses.replace(cut, x_source=cut.x_source[:count], rng=seeded(5))])
        assert found.part.unique().tolist() == list(range(parts))
        assert named(found, cut)


def test_the_paper_has_one_generator_for_each_direction() -> None:
    _, f = half_space()
    cut = task(f, around_the_middle(60, 32, seed=2), 0, 1)
    recipe = dataclasses.replace(FAST.recipe, parts=DeepDIG.configured("paper").recipe.parts)
    (found,) = DeepDIG(recipe)(f, [cut])
    assert found.part.unique().tolist() == [0]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scaled_identity(size: int) -> nn.Linear:
    layer = nn.Linear(size, size, bias=False)
    with torch.no_grad():
        layer.weight.copy_(10 * torch.eye(size))
    return layer
