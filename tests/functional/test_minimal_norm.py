"""The minimal-norm attack against closed forms and against foolbox on a trained network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from auditor.functional.descent import lengths
from auditor.functional.minimal_norm import AttackBudget, minimal_norm
from auditor.functional.projection import Norm
from tests.analytic import Sectors, Spheres, around_the_middle, half_space


def attack(module: nn.Module, x: torch.Tensor, target: torch.Tensor, norm: Norm) -> tuple[torch.Tensor, torch.Tensor]:
    points, found, _ = minimal_norm(
        module, lambda v: module(v).argmax(1), x, target, [], norm=norm, budget=AttackBudget()
    )
    return points, found


@pytest.mark.parametrize("norm", ["l2", "linf"])
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
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 4)).eval()
    for layer in (net[0], net[2], net[4]):
        layer.weight.data *= 4
    net.requires_grad_(False)
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
