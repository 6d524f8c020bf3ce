"""The box step against its closed form, a general solver, and its defining properties."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize

from auditor.functional.projection import Norm, box_step, half_spaces


def drawn(seed: int, count: int = 6, inputs: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    x, normal = torch.rand(count, inputs, generator=rng), torch.randn(count, inputs, generator=rng)
    return x, normal, torch.rand(count, generator=rng)


def test_without_the_box_it_is_the_closed_form() -> None:
    _, normal, _ = drawn(0)
    x, c = torch.full_like(normal, 0.5), torch.full((len(normal),), 0.05)
    l2 = box_step(x, normal, c, norm="l2")
    torch.testing.assert_close(l2, 0.05 * normal / normal.square().sum(1, keepdim=True), atol=1e-6, rtol=1e-4)
    linf = box_step(x, normal, c, norm="linf")
    torch.testing.assert_close(linf, 0.05 * normal.sign() / normal.abs().sum(1, keepdim=True), atol=1e-6, rtol=1e-4)


def test_agrees_with_a_general_solver_where_the_box_is_met() -> None:
    x, normal, _ = drawn(7)
    reach = (torch.where(normal > 0, 1 - x, -x) * normal).sum(1)
    c = 0.7 * reach
    step = box_step(x, normal, c, norm="l2")
    for i in range(len(x)):
        bounds = [(-float(v), 1 - float(v)) for v in x[i]]
        enough = LinearConstraint(normal[i].double().numpy()[None], lb=float(c[i]))
        best = minimize(
            lambda d: d @ d, (0.7 * step[i]).numpy(), jac=lambda d: 2 * d, bounds=bounds, constraints=enough
        )
        assert float(step[i].norm()) == pytest.approx(float((best.x**2).sum() ** 0.5), rel=2e-3)


@given(st.integers(0, 2**31), st.sampled_from(["l2", "linf"]), st.floats(0.01, 0.99))
def test_it_stays_in_the_box_and_reaches_what_can_be_reached(seed: int, norm: Norm, share: float) -> None:
    x, normal, _ = drawn(seed)
    c = share * (torch.where(normal > 0, 1 - x, -x) * normal).sum(1)
    step = box_step(x, normal, c, norm=norm)
    moved = x + step
    assert moved.min() >= -1e-6
    assert moved.max() <= 1 + 1e-6
    torch.testing.assert_close((step * normal).sum(1), c, atol=1e-4, rtol=1e-3)


def test_no_step_where_none_is_asked_for() -> None:
    x, normal, c = drawn(1)
    assert not box_step(x, normal, -c, norm="l2").any()
    assert torch.isfinite(box_step(x, torch.zeros_like(x), c, norm="linf")).all()


def test_two_half_spaces_are_met_as_a_general_solver_meets_them() -> None:
    x, first, _ = drawn(3)
    _, second, _ = drawn(4)
    enough = [0.3 * torch.where(n > 0, 1 - x, -x).mul(n).sum(1) for n in (first, second)]
    near = half_spaces(x, [first, second], enough, sweeps=200)
    for i in range(len(x)):
        conditions = [
            LinearConstraint(n[i].double().numpy()[None], lb=float(c[i]))
            for n, c in zip((first, second), enough, strict=True)
        ]
        bounds = [(-float(v), 1 - float(v)) for v in x[i]]
        start = (near[i] - x[i]).double().numpy()
        best = minimize(lambda d: d @ d, 0.7 * start, jac=lambda d: 2 * d, bounds=bounds, constraints=conditions)
        assert best.success
        assert float((near[i] - x[i]).norm()) == pytest.approx(float((best.x**2).sum() ** 0.5), rel=1e-4)
