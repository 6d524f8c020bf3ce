"""The minimal-norm attack against closed forms and against foolbox on a trained network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import LinearConstraint, linprog, minimize
from torch import nn

from auditor.documents.profiles import PROFILES
from auditor.functional.descent import lengths
from auditor.functional.minimal_norm import AttackBudget, minimal_norm
from auditor.functional.projection import Norm
from tests.analytic import Checkerboard, HalfSpace, Sectors, Spheres, around_the_middle, half_space

NORMS: tuple[Norm, Norm] = ("l2", "linf")


def attack(module: nn.Module, x: torch.Tensor, target: torch.Tensor, norm: Norm) -> tuple[torch.Tensor, torch.Tensor]:
    nearest = minimal_norm(module, lambda v: module(v).argmax(1), x, target, [], AttackBudget())[norm]
    return nearest.point, nearest.found


def network() -> nn.Sequential:
    """Four classes of 20 inputs; steep, so that its boundary folds."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 4)).eval()
    for layer in (net[0], net[2], net[4]):
        layer.weight.data *= 4
    return net.requires_grad_(False)


@pytest.mark.parametrize("norm", NORMS)
def test_half_space_distances_are_the_closed_form(norm: Norm) -> None:
    model, f = half_space()
    x = around_the_middle(400, 32, seed=1)
    x = x[f.predict(x) == 0][:200]
    near, found = attack(model, x, torch.ones(len(x), dtype=torch.int64), norm)
    true = model.distance(x).abs()
    if norm == "linf":
        true = true * model.normal.double().norm() / model.normal.double().abs().sum()
    ratio = lengths(near - x, norm).double() / true
    assert found.all()
    assert (f.predict(near) == 1).all()
    assert abs(float(ratio.median()) - 1) < 0.01
    assert float(ratio.quantile(0.99)) < 1.05
    assert float(ratio.min()) > 0.999


def test_sphere_distances_are_the_closed_form() -> None:
    model = Spheres(torch.full((16,), 0.5), 0.3)
    x = around_the_middle(300, 16, seed=2, spread=0.05)
    x = x[model(x).argmax(1) == 0]
    near, found = attack(model, x, torch.ones(len(x), dtype=torch.int64), "l2")
    ratio = lengths(near - x, "l2") / model.distance(x).abs()
    assert found.all()
    assert abs(float(ratio.median()) - 1) < 0.01
    assert float(ratio.quantile(0.99)) < 1.05


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("budget", [AttackBudget(*PROFILES["quick"].attack), AttackBudget()], ids=["quick", "standard"])
def test_on_a_checkerboard_the_nearest_of_all_fields_around_is_found(norm: Norm, budget: AttackBudget) -> None:
    model = Checkerboard()
    x = torch.rand(400, 2, generator=torch.Generator().manual_seed(6))
    true = model.distance(x)
    target = 1 - model(x).argmax(1)
    x, target, true = (part[true > 0.002] for part in (x, target, true))
    near = minimal_norm(model, lambda v: model(v).argmax(1), x, target, [], budget)[norm]
    ratio = lengths(near.point - x, norm).double() / true
    assert near.found.all()
    assert float(ratio.min()) > 0.999
    assert float(ratio.median()) < 1.01
    assert float(ratio.quantile(0.95)) < 1.05


@pytest.mark.parametrize("norm", NORMS)
def test_in_the_box_the_half_space_is_as_far_as_linear_programming_says(norm: Norm) -> None:
    """Near the faces of the box the straight way out leaves it, so the nearest point lies elsewhere."""
    model, f = half_space(inputs=12)
    x = torch.rand(200, 12, generator=torch.Generator().manual_seed(7)).pow(3)
    x = x[f.predict(x) == 0][:30]
    near, found = attack(model, x, torch.ones(len(x), dtype=torch.int64), norm)
    assert found.all()
    for i in range(len(x)):
        exact = _distance_in_the_box(model, x[i], norm)
        assert exact * 0.999 < float(lengths(near[i : i + 1] - x[i : i + 1], norm)) < exact * 1.01


def _distance_in_the_box(model: HalfSpace, x: torch.Tensor, norm: Norm) -> float:
    """min ||d|| with <w, x + d> + b >= 0 and x + d in [0, 1], by scipy."""
    w, here = model.normal.double().numpy(), x.double().numpy()
    missing = -(w @ here + model.offset)
    if norm == "linf":  # over (d, e): least e with -e <= d <= e
        n = len(here)
        one = np.ones((n, 1))
        above = np.block([[np.eye(n), -one], [-np.eye(n), -one], [-w[None], np.zeros((1, 1))]])
        limit = np.concatenate([np.zeros(2 * n), [-missing]])
        bounds = [*zip(-here, 1 - here, strict=True), (0, None)]
        return float(linprog(np.eye(n + 1)[n], A_ub=above, b_ub=limit, bounds=bounds).fun)
    enough = LinearConstraint(w[None], lb=missing)
    bounds = list(zip(-here, 1 - here, strict=True))
    found = minimize(lambda d: d @ d, w * 0.01, jac=lambda d: 2 * d, bounds=bounds, constraints=enough)
    return float(found.fun**0.5)


def test_a_start_is_never_passed_over() -> None:
    """A field that no gradient leads to, with a sample in it."""

    def logits(v: torch.Tensor) -> torch.Tensor:
        inside = ((v - 0.8).norm(dim=1) < 0.05).float()
        return torch.stack([torch.zeros(len(v)), inside - 0.5 + 0 * v.sum(dim=1)], dim=1)

    x, target = torch.full((1, 20), 0.5), torch.ones(1, dtype=torch.int64)
    start = torch.full((1, 20), 0.8)

    def search(starts: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        near = minimal_norm(logits, lambda v: logits(v).argmax(1), x, target, starts, AttackBudget())["l2"]
        return near.point, near.found, near.tried

    assert not search([])[1].any()
    near, found, tried = search([x, start])
    assert found.all()
    assert float((near - start).norm()) == pytest.approx(0.05, abs=0.01)
    assert float(tried) >= float((start - x).norm()) - 1e-5


@pytest.mark.parametrize("norm", NORMS)
def test_more_steps_come_nearer_and_each_instance_stands_alone(norm: Norm) -> None:
    net = network()
    x = torch.rand(120, 20, generator=torch.Generator().manual_seed(5))
    x = x[net(x).argmax(1) != 1]
    target = torch.ones(len(x), dtype=torch.int64)

    def distance(rows: slice, budget: AttackBudget) -> torch.Tensor:
        return minimal_norm(net, lambda v: net(v).argmax(1), x[rows], target[rows], [], budget)[norm].distance

    every = slice(None)
    short, usual, long = (
        distance(every, budget) for budget in (AttackBudget(8, 0), AttackBudget(), AttackBudget(96, 96))
    )
    assert float(usual.median()) <= float(short.median())
    assert float(long.median()) <= 1.01 * float(usual.median())
    assert float((usual / long).quantile(0.95)) < 1.1
    torch.testing.assert_close(distance(slice(3, 17), AttackBudget()), usual[3:17], atol=1e-4, rtol=1e-3)


def test_a_further_descent_never_makes_it_farther() -> None:
    net = network()
    x = torch.rand(120, 20, generator=torch.Generator().manual_seed(8))
    x = x[net(x).argmax(1) != 1]
    target = torch.ones(len(x), dtype=torch.int64)
    for norm in NORMS:
        once, twice = (
            minimal_norm(net, lambda v: net(v).argmax(1), x, target, [], AttackBudget(24, again))[norm].distance
            for again in (0, 24)
        )
        assert (twice <= once).all()


def test_the_target_is_the_class_asked_for_not_the_nearest_one() -> None:
    model = Sectors()
    x = torch.rand(200, 2, generator=torch.Generator().manual_seed(3))
    x = x[model(x).argmax(1) == 0]
    near, found = attack(model, x, torch.full((len(x),), 2), "l2")
    assert found.all()
    assert (model(near).argmax(1) == 2).all()


def test_where_nothing_is_found_the_instance_itself_comes_back() -> None:
    model, _ = half_space()
    model.offset -= 1000.0
    x = around_the_middle(5, 32, seed=4)
    near, found = attack(model, x, torch.ones(5, dtype=torch.int64), "l2")
    assert not found.any()
    assert torch.equal(near, x)


def test_no_farther_than_foolbox_ddn_on_a_network() -> None:
    foolbox = pytest.importorskip("foolbox")
    net = network()
    x = torch.rand(150, 20, generator=torch.Generator().manual_seed(5))
    x = x[net(x).argmax(1) != 1]
    target = torch.ones(len(x), dtype=torch.int64)
    near, found = attack(net, x, target, "l2")
    criterion = foolbox.criteria.TargetedMisclassification(target)
    model = foolbox.PyTorchModel(net, bounds=(0, 1), device="cpu")
    _, theirs, ok = foolbox.attacks.DDNAttack(steps=100)(model, x, criterion, epsilons=None)
    both = found & ok
    ours, other = lengths(near - x, "l2")[both], lengths(theirs - x, "l2")[both]
    assert found.float().mean() >= ok.float().mean()
    assert float(ours.median()) <= 1.01 * float(other.median())
    assert float(ours.quantile(0.95)) <= 1.05 * float(other.quantile(0.95))


@pytest.mark.parametrize("norm", NORMS)
def test_gradients_that_are_no_numbers_cost_the_descent_and_not_the_answer(norm: Norm) -> None:
    """The root has an infinite slope at 0, where these sources lie; times zero that is not a number."""

    def logits(v: torch.Tensor) -> torch.Tensor:
        return torch.stack([torch.zeros(len(v)), v.sum(dim=1) - 2 + 0 * v.sqrt().sum(dim=1)], dim=1)

    x, target = torch.zeros(3, 6), torch.ones(3, dtype=torch.int64)
    start = torch.full((3, 6), 0.9)
    near = minimal_norm(logits, lambda v: logits(v).argmax(1), x, target, [start], AttackBudget())[norm]
    assert near.found.all()
    assert near.point.isfinite().all()
    assert near.tried.isfinite().all()
    assert (lengths(near.point, norm) < lengths(start, norm)).all()
