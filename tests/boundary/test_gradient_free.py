"""Gradient-free search: near the closed-form boundary, and exact about jumps where classes never tie."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from auditor.boundary.base import BoundaryInstances, across_jump, generators, on_boundary
from auditor.boundary.decision_search import clipped
from auditor.boundary.gradient_free import GradientFree
from auditor.boundary.rpbs import RPBS
from auditor.functional.bisection import JUMP_WIDTH
from tests.analytic import Sectors, around_the_middle, classifier, half_space, task


class Stairs(nn.Module):
    """Class 1 from x_0 = 0.6 on; the probabilities are a staircase in x_0, so the two classes never tie."""

    jump = 0.6

    def forward(self, x: Tensor) -> Tensor:
        stair = torch.floor((x[:, 0] - self.jump) / 0.05) + 0.5
        return torch.stack([-stair, stair], dim=1)


def stairs(seed: int = 0):
    f = classifier(Stairs(), (6,), 2)
    return task(f, torch.rand(160, 6, generator=torch.Generator().manual_seed(seed)), 0, 1), f


def test_instances_lie_on_the_plane_and_near_the_nearest_point() -> None:
    model, f = half_space()
    tasks = [task(f, around_the_middle(100, 32, seed=2), s, 1 - s) for s in (0, 1)]
    for found in GradientFree.configured("thorough")(f, tasks):
        assert len(found) == found.requested
        assert not found.jump.any()
        assert on_boundary(found.p_boundary, found.source, found.target).all()
        assert model.distance(found.x_boundary).abs().max() < 1e-5
        true = model.distance(found.x_source).abs().float()
        assert ((found.x_boundary - found.x_source).norm(dim=1) / true).median() < 1.05
    assert f.spent.backward == 0


def test_a_staircase_has_its_jump_where_it_is() -> None:
    cut, f = stairs()
    for made in (GradientFree(), RPBS()):
        (found,) = made(f, [cut])
        assert len(found) == found.requested
        assert found.jump.all()
        torch.testing.assert_close(found.x_boundary[:, 0], torch.full((len(found),), 0.6), atol=1e-6, rtol=0)
        assert found.x_across is not None
        assert (found.x_across - found.x_boundary).abs().max() <= JUMP_WIDTH
        assert (f.predict(found.x_boundary) != f.predict(found.x_across)).all()
        part = found.keep(torch.arange(len(found)) < 3)
        assert part.jump.tolist() == [True] * 3
        assert part.origin.tolist() == found.origin[:3].tolist()


def test_a_claimed_jump_is_checked_on_the_artefact() -> None:
    cut, f = stairs()
    (found,) = RPBS()(f, [cut])
    assert found.x_across is not None
    x, across, p = found.x_boundary[:4], found.x_across[:4].clone(), found.p_boundary[:4]
    assert across_jump(f, x, p, across, (0, 1)).tolist() == [True] * 4
    same_side = x[0] + torch.tensor([0, 1e-8, 0, 0, 0, 0])
    far = across[1] + torch.tensor([0, 1e-3, 0, 0, 0, 0])
    across[0], across[1] = same_side, far
    assert across_jump(f, x, p, across, (0, 1)).tolist() == [False, False, True, True]
    assert across_jump(f, x, p, across, (0, 2)).tolist() == [False] * 4


def test_false_jumps_are_dropped_and_counted() -> None:
    cut, f = stairs()

    @dataclasses.dataclass(frozen=True)
    class Careless(RPBS):
        def _run(self, *arguments) -> list[BoundaryInstances]:
            (found,) = super()._run(*arguments)
            assert found.x_across is not None
            return [dataclasses.replace(found, x_across=found.x_across + 1e-3)]

    (found,) = Careless()(f, [cut])
    assert len(found) == 0
    assert found.failures["not on the boundary when verified on the artefact"] == found.requested


def test_third_classes_are_avoided_where_a_start_avoids_them() -> None:
    f = classifier(Sectors(), (2,), 3)
    cut = task(f, torch.rand(300, 2, generator=torch.Generator().manual_seed(3)), 1, 2)
    (random,), (searched,) = RPBS()(f, [cut]), GradientFree()(f, [cut])
    assert len(searched) > len(random)
    assert len(searched) + sum(searched.failures.values()) == searched.requested
    assert torch.equal(searched.x_source, cut.x_source[searched.origin])


def test_the_same_seed_gives_the_same_instances_beside_other_directions() -> None:
    cut, f = stairs()
    again, _ = stairs()
    other = task(f, torch.rand(50, 6, generator=torch.Generator().manual_seed(9)), 1, 0, seed=5)
    (alone,) = GradientFree()(f, [cut])
    _, beside = GradientFree()(f, [other, again])
    torch.testing.assert_close(alone.x_boundary, beside.x_boundary, atol=0, rtol=0)


def test_no_samples_of_the_target_is_an_empty_answer() -> None:
    cut, f = stairs()
    none = dataclasses.replace(cut, x_target=cut.x_target[:0])
    (found,) = GradientFree()(f, [none])
    assert len(found) == 0
    assert found.requested == found.failures.total() == len(cut.x_source)


def test_clipping_cuts_what_the_class_does_not_need() -> None:
    def predict(x: Tensor) -> Tensor:
        return (x[:, 0] > 0.3).long()

    x, y = torch.zeros(1, 3), torch.tensor([[0.4, 0.9, 0.2]])
    found = clipped(predict, x, y, torch.ones(1, dtype=torch.int64), halvings=20)
    torch.testing.assert_close(found, torch.tensor([[0.3, 0.3, 0.2]]), atol=1e-5, rtol=0)


def test_the_registry_knows_it() -> None:
    assert generators["gradient-free"] is GradientFree
    assert not GradientFree.needs_gradient
    assert generators["deepdig"].needs_gradient
