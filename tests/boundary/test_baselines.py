"""RPBS and EPBS: right end points, a true nearest neighbour, the same verification as DeepDIG."""

from __future__ import annotations

import dataclasses

import torch

from auditor.boundary.base import generators, on_boundary
from auditor.boundary.epbs import EPBS
from auditor.boundary.rpbs import RPBS
from tests.analytic import Sectors, around_the_middle, classifier, half_space, task


def test_random_pairs_end_on_the_plane_between_real_samples() -> None:
    model, f = half_space()
    cut = task(f, around_the_middle(200, 32, seed=1), 0, 1)
    (found,) = RPBS()(f, [cut])
    assert len(found) == found.requested == len(cut.x_source)
    assert model.distance(found.x_boundary).abs().max() < 1e-5
    real = {tuple(row) for row in cut.x_target.tolist()}
    partners = {tuple(row) for row in found.x_adversarial.tolist()}
    assert partners <= real
    assert len(partners) > 0.4 * len(real)


def test_each_sample_gets_its_own_nearest_neighbour() -> None:
    _, f = half_space()
    cut = task(f, around_the_middle(80, 32, seed=2), 0, 1)
    (found,) = EPBS()(f, [cut])
    for source, partner in zip(found.x_source, found.x_adversarial, strict=True):
        by_hand = min(cut.x_target, key=lambda v: float((v - source).norm()))
        assert torch.equal(partner, by_hand)
    assert len(found.x_adversarial.unique(dim=0)) > 1


def test_segments_through_a_third_class_are_counted_against_it() -> None:
    f = classifier(Sectors(), (2,), 3)
    cut = task(f, torch.rand(300, 2, generator=torch.Generator().manual_seed(3)), 1, 2)
    (found,) = RPBS()(f, [cut])
    assert found.third_class[0] == found.failures["a third class led between the ends"] > 0
    assert len(found) + found.third_class[0] == found.requested
    assert on_boundary(found.p_boundary, 1, 2).all()
    assert torch.equal(found.x_source, cut.x_source[found.origin])
    assert len(found.origin.unique()) == len(found) < found.requested


def test_no_samples_of_the_target_is_an_empty_answer() -> None:
    _, f = half_space()
    cut = task(f, around_the_middle(50, 32, seed=4), 0, 1)
    none = dataclasses.replace(cut, x_target=cut.x_target[:0], embedding_target=cut.embedding_target[:0])
    for baseline in (RPBS(), EPBS()):
        assert len(baseline(f, [none])[0]) == 0


def test_the_registry_knows_all_three() -> None:
    assert {"deepdig", "rpbs", "epbs"} <= set(generators.names())
