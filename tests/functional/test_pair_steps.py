"""The smallest step that satisfies two linear conditions, against its conditions of optimality."""

from __future__ import annotations

import torch
from scipy.optimize import minimize

from auditor.functional.pair_steps import BEYOND, Linear, linearised, pair_step


def some(count: int, inputs: int, seed: int) -> tuple[torch.Tensor, Linear]:
    rng = torch.Generator().manual_seed(seed)
    x = 0.5 + 0.02 * torch.randn(count, inputs, generator=rng)
    values, gradients = torch.randn(2, count, generator=rng) / 20, torch.randn(2, count, inputs, generator=rng)
    return x, Linear(*values, *gradients)


def test_it_is_the_smallest_step_that_satisfies_both() -> None:
    x, at = some(60, 5, seed=0)
    steps = pair_step(x, at, torch.full((60,), torch.inf)) - x
    for row, d in enumerate(steps.double()):
        needs = []
        for value, gradient in ((at.a[row], at.grad_a[row]), (at.b[row], at.grad_b[row])):
            lack = float(-BEYOND * value if value < 0 else -value)
            along = gradient.double().numpy()
            needs.append({"type": "ineq", "fun": lambda v, g=along, c=lack: g @ v - c})
        best = minimize(lambda v: v @ v, torch.zeros(5).double().numpy(), constraints=needs, tol=1e-12)
        assert all(need["fun"](d.numpy()) > -1e-5 for need in needs)
        assert abs(float(d.norm()) - best.fun**0.5) < 1e-4


def test_no_step_is_longer_than_its_reach_and_none_leaves_the_box() -> None:
    x, at = some(200, 8, seed=1)
    reach = torch.rand(200, generator=torch.Generator().manual_seed(2)) / 50
    after = pair_step(x.clamp(0, 1), at, reach)
    assert ((after - x).norm(dim=1) <= reach + 1e-6).all()
    far = pair_step(x.clamp(0, 1), Linear(100 * at.a, at.b, at.grad_a, at.grad_b), torch.full((200,), torch.inf))
    assert bool(((far >= 0) & (far <= 1)).all())


def test_margins_and_gradients_are_those_of_the_logits() -> None:
    weight = torch.randn(4, 6, generator=torch.Generator().manual_seed(3))
    x = torch.rand(10, 6, generator=torch.Generator().manual_seed(4))
    at = linearised(lambda y: y @ weight.T, x, torch.full((10,), 1), torch.full((10,), 3))
    z = x @ weight.T
    others = z[:, [0, 2]]
    torch.testing.assert_close(at.a, z[:, 3] - z[:, 1])
    torch.testing.assert_close(at.b, z[:, 1] - others.amax(dim=1))
    torch.testing.assert_close(at.grad_a, (weight[3] - weight[1]).expand(10, -1))
    torch.testing.assert_close(at.grad_b, weight[1] - weight[torch.tensor([0, 2])[others.argmax(dim=1)]])


def test_with_two_classes_nothing_is_second_to() -> None:
    weight = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    x = torch.tensor([[0.8, 0.1]])
    at = linearised(lambda y: y @ weight, x, torch.tensor([0]), torch.tensor([1]))
    assert at.b.isinf().all()
    after = pair_step(x, at, torch.tensor([torch.inf]))
    assert float((after @ weight).diff(dim=1)) > 0
