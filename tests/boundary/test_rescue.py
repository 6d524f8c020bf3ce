"""DeepDIG where its first attempt fails: what leads on, what is counted, and what stays lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import torch

from auditor.boundary.base import BETA, BoundaryInstances, DirectionTask, on_boundary
from auditor.boundary.deepdig import DeepDIG, Recipe
from auditor.boundary.rescue import Rescue
from auditor.boundary.segments import Segments, between
from auditor.boundary.training import Training
from auditor.functional.distances import l2
from tests.analytic import Sectors, around_the_middle, classifier, half_space, task

WORKS = Training(steps=80, batch=64, learning_rate=3e-3)
IDLE = Training(steps=1, batch=8, learning_rate=1e-9)
"""Leaves every instance where it is."""


def run(recipe: Recipe, cut: DirectionTask, f) -> BoundaryInstances:
    (found,) = DeepDIG(recipe)(f, [replace(cut, rng=torch.Generator().manual_seed(5))])
    assert len(found) + found.failures.total() == found.requested
    assert len(found) <= found.adversarial_of_adversarial <= found.adversarial <= found.requested
    assert torch.equal(found.x_source, cut.x_source[found.origin])
    assert (found.origin.diff() > 0).all()
    assert (f.predict(found.x_adversarial) == found.target).all()
    assert (f.predict(found.x_adversarial_of_adversarial) == found.source).all()
    return found


def plane(seed: int = 1):
    model, f = half_space()
    return model, f, task(f, around_the_middle(200, 32, seed=seed), 0, 1)


def test_what_is_not_carried_over_is_trained_for_longer() -> None:
    model, f, cut = plane()
    lost = run(Recipe(forth=IDLE, back=WORKS, rescue=None), cut, f)
    assert lost.failures == {"Component I did not reach the target class": lost.requested}
    assert lost.rescued == Counter()
    found = run(Recipe(forth=IDLE, back=WORKS, rescue=Rescue(longer=WORKS)), cut, f)
    assert len(found) >= 0.99 * found.requested
    assert found.rescued["longer training from another start"] > 0.9 * found.requested
    assert model.distance(found.x_boundary).abs().max() < 1e-3


def test_what_training_does_not_reach_is_searched_for_without_gradients() -> None:
    model, f, cut = plane()
    found = run(Recipe(forth=IDLE, back=IDLE, rescue=Rescue(longer=IDLE)), cut, f)
    assert len(found) == found.requested == found.adversarial
    assert found.rescued == {"gradient-free search": len(found)}
    assert model.distance(found.x_boundary).abs().max() < 1e-3
    half = found.keep(torch.arange(len(found)) % 2 == 0)
    assert half.rescued == {"gradient-free search": len(half)}


def test_what_does_not_come_back_is_bisected_to_its_source() -> None:
    _, f, cut = plane()
    assert len(run(Recipe(forth=WORKS, back=IDLE, rescue=None), cut, f)) == 0
    found = run(Recipe(forth=WORKS, back=IDLE), cut, f)
    assert found.rescued == {"segment to the source": len(found)}
    assert torch.equal(found.x_adversarial_of_adversarial, found.x_source)
    assert len(found) >= 0.99 * found.requested


def test_only_the_sources_that_are_left_are_searched_for() -> None:
    """From sector 1 to sector 2 many straight ways lead through sector 0, and a few sources have no way yet."""
    f = classifier(Sectors(), (2,), 3)
    cut = task(f, torch.rand(300, 2, generator=torch.Generator().manual_seed(3)), 1, 2)
    rows = torch.arange(min(len(cut.x_source) - 5, len(cut.x_target)))
    x, first_try = cut.x_source[rows], 0 * rows
    lost = Counter({"not carried over": len(cut.x_source) - len(rows)})
    segments = Segments(
        cut, x, cut.x_target[rows], x, rows, first_try, len(cut.x_source), len(rows), lost, attempt=first_try
    )
    (first,) = between(f, [segments], beta=BETA / 2, max_steps=60)
    (found,) = Rescue().search_on(f, [segments], [first], [3])
    assert 0 < len(first) < 0.9 * first.requested
    assert len(found) > len(first)
    assert found.rescued == {"gradient-free search": len(found) - len(first)}
    new = ~torch.isin(found.origin, first.origin)
    assert torch.equal(found.part[new], found.origin[new] % 3)
    before = found.keep(torch.isin(found.origin, first.origin))
    assert torch.equal(before.x_boundary, first.x_boundary)
    assert before.rescued == Counter()
    assert torch.equal(found.x_source, cut.x_source[found.origin])
    assert len(found.origin.unique()) == len(found)
    assert on_boundary(f.probabilities(found.x_boundary), 1, 2).all()
    # Every source has now been bisected once at least; those that had been before are counted by their first time.
    assert found.adversarial == found.adversarial_of_adversarial == found.requested
    assert first.third_class[0] <= found.third_class[0] <= first.third_class[0] + found.requested - len(rows)
    assert len(found) + found.failures.total() == found.requested
    (enough,) = Rescue(below=len(first) / first.requested).search_on(f, [segments], [first], [3])
    assert enough is first


def test_a_direction_that_works_pays_nothing_and_changes_nothing() -> None:
    _, f, cut = plane()
    spent, made = [], []
    for rescue in (None, Rescue()):
        before = f.spent.forward
        made.append(run(Recipe(forth=WORKS, back=WORKS, rescue=rescue), cut, f))
        spent.append(f.spent.forward - before)
    assert spent[0] == spent[1]
    assert made[1].rescued == Counter()
    assert torch.equal(made[0].x_boundary, made[1].x_boundary)
    assert (l2(made[0].x_source, made[0].x_boundary) > 0).all()
