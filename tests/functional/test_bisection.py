"""Bisection against closed forms, an independent loop, and every way in which a segment can end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from auditor.functional.bisection import JUMP_WIDTH, Outcome, bisect
from tests.analytic import Sectors, Spheres, half_space


def label(value: int, count: int) -> torch.Tensor:
    return torch.full((count,), value)


def test_midpoints_of_a_half_space_lie_on_the_plane() -> None:
    model, f = half_space()
    x = torch.rand(400, 32, generator=torch.Generator().manual_seed(1))
    inside = f.predict(x) == 0
    count = min(int(inside.sum()), int((~inside).sum()))
    done = bisect(f.probabilities, x[inside][:count], x[~inside][:count], label(0, count), label(1, count))
    assert done.reached.all()
    assert model.distance(done.x).abs().max() < 1e-5


def test_sphere_points_have_the_radius() -> None:
    model = Spheres(torch.full((8,), 0.5), 0.4)
    x_s = torch.full((50, 8), 0.5)
    x_t = torch.rand(50, 8, generator=torch.Generator().manual_seed(2)).round()
    done = bisect(lambda x: model(x).softmax(1), x_s, x_t, label(0, 50), label(1, 50))
    torch.testing.assert_close((done.x - 0.5).norm(dim=1), torch.full((50,), 0.4), atol=1e-5, rtol=0)


def test_agrees_with_a_plain_loop_over_single_instances() -> None:
    _, f = half_space(seed=3)
    x = torch.rand(60, 32, generator=torch.Generator().manual_seed(4))
    inside = f.predict(x) == 0
    count = min(int(inside.sum()), int((~inside).sum()))
    a, b = x[inside][:count], x[~inside][:count]
    done = bisect(f.probabilities, a, b, label(0, count), label(1, count))
    plain = bisect(f.probabilities, a, b, label(0, count), label(1, count), halve_only=True)
    for i in range(count):
        low, high, steps = a[i], b[i], 0
        while True:
            middle, steps = (low + high) / 2, steps + 1
            p_s, p_t = f.probabilities(middle[None])[0].tolist()
            if abs(p_s - p_t) < 1e-4:
                break
            low, high = (middle, high) if p_s > p_t else (low, middle)
        # Any point whose probabilities are so close will do; the plane is the same for both.
        torch.testing.assert_close(done.x[i], middle, atol=1e-3, rtol=0)
        assert float((f.probabilities(done.x[i][None])[0] @ torch.tensor([1.0, -1.0])).abs()) < 1e-4
        assert done.steps[i] <= steps
        torch.testing.assert_close(plain.x[i], middle, atol=1e-6, rtol=0)
        assert plain.steps[i] == steps


def test_a_third_class_between_ends_the_segment() -> None:
    model = Sectors()
    # A straight line from sector 1 to sector 2 above the centre crosses sector 0.
    x_s, x_t = torch.tensor([[0.05, 0.52]]), torch.tensor([[0.95, 0.52]])
    assert model(x_s).argmax() == 1
    assert model(x_t).argmax() == 2
    done = bisect(lambda x: model(x).softmax(1), x_s, x_t, label(1, 1), label(2, 1))
    assert done.outcome.tolist() == [Outcome.THIRD_CLASS]
    assert done.third.tolist() == [0]


def stairs(height: float = 0.02, at: float = 0.3) -> Callable[[torch.Tensor], torch.Tensor]:
    """Class 1 from x_0 = ``at`` on; its probability is a staircase that jumps from below to above a half there."""

    def probabilities(x: torch.Tensor) -> torch.Tensor:
        p = (0.5 + height * (torch.floor((x[:, 0] - at) / 0.05) + 0.5)).clamp(0, 1)
        return torch.stack([1 - p, p], dim=1)

    return probabilities


def test_a_jump_ends_in_two_neighbours_on_either_side_of_it() -> None:
    x_s, x_t = torch.zeros(50, 3), torch.rand(50, 3, generator=torch.Generator().manual_seed(0))
    x_t[:, 0] = x_t[:, 0].clamp_min(0.35)
    done = bisect(stairs(), x_s, x_t, label(0, 50), label(1, 50), max_steps=60)
    assert (done.outcome == Outcome.JUMP).all()
    assert done.reached.all()
    assert (done.steps < 40).all()
    assert ((done.x - done.across).abs().amax(dim=1) <= JUMP_WIDTH).all()
    ends = torch.stack([done.x[:, 0], done.across[:, 0]]).sort(dim=0).values
    torch.testing.assert_close(ends, torch.full((2, 50), 0.3), atol=2 * JUMP_WIDTH, rtol=0)
    classes = torch.stack([stairs()(done.x).argmax(1), stairs()(done.across).argmax(1)]).sort(dim=0).values
    assert (classes == torch.tensor([[0], [1]])).all()


def test_a_jump_that_is_not_narrowed_down_is_no_boundary() -> None:
    capped = bisect(stairs(), torch.zeros(1, 1), torch.ones(1, 1), label(0, 1), label(1, 1), max_steps=5)
    assert capped.outcome.tolist() == [Outcome.STEPS]
    assert capped.steps.tolist() == [5]
    assert not capped.reached.any()


def test_where_the_classes_meet_there_is_nothing_across() -> None:
    _, f = half_space()
    x = torch.rand(40, 32, generator=torch.Generator().manual_seed(1))
    inside = f.predict(x) == 0
    count = min(int(inside.sum()), int((~inside).sum()))
    done = bisect(f.probabilities, x[inside][:count], x[~inside][:count], label(0, count), label(1, count))
    assert (done.outcome == Outcome.BOUNDARY).all()
    assert torch.equal(done.x, done.across)


def test_no_segment_is_no_work() -> None:
    done = bisect(lambda x: x, torch.empty(0, 4), torch.empty(0, 4), label(0, 0), label(1, 0))
    assert len(done.x) == 0
    assert not done.reached.any()


@given(st.integers(0, 2**31), st.sampled_from([1e-2, 1e-3, 1e-4]))
def test_every_segment_ends_and_the_boundary_ones_meet_the_tolerance(seed: int, beta: float) -> None:
    model = Sectors(sharpness=5.0)
    x = torch.rand(40, 2, generator=torch.Generator().manual_seed(seed))
    predicted = model(x).argmax(1)
    a, b = x[predicted == 0], x[predicted == 1]
    count = min(len(a), len(b))
    done = bisect(lambda v: model(v).softmax(1), a[:count], b[:count], label(0, count), label(1, count), beta=beta)
    p = model(done.x).softmax(1)
    reached = done.reached
    assert ((p[:, 0] - p[:, 1]).abs()[reached] < beta * 1.01).all()
    assert (p[reached].argmax(1) != 2).all()
    assert set(done.outcome.tolist()) <= {Outcome.BOUNDARY, Outcome.THIRD_CLASS}


def sigmoids(slope: float, count: int = 200):
    """Segments from 0 to 1 with p_s = sigmoid(slope (c - x)), where log p_s - log p_t is linear."""
    c = torch.linspace(0.13, 0.87, count)

    def probabilities(x: torch.Tensor) -> torch.Tensor:
        z = slope * (x[:, 1].double() - x[:, 0].double())
        return torch.stack([z, torch.zeros_like(z)], dim=1).softmax(1).float()

    # The third halving moves another end than the second did, so neither value is halved by the Illinois rule.
    plain = ((4 * c).floor() % 2 != (8 * c).floor() % 2) & ((8 * c).frac() > 0.05) & ((8 * c).frac() < 0.95)
    return c, plain, probabilities, torch.stack([torch.zeros(count), c], dim=1), torch.stack([torch.ones(count), c], 1)


@pytest.mark.parametrize("slope", [4.0, 12.0, 40.0])
def test_false_position_takes_one_step_where_the_logarithms_are_linear(slope: float) -> None:
    _, plain, p, x_s, x_t = sigmoids(slope)
    done, halved = (
        bisect(p, x_s, x_t, label(0, 200), label(1, 200), halve_only=halve_only) for halve_only in (False, True)
    )
    assert done.reached.all()
    assert plain.sum() > 80
    assert (done.steps[plain] == 4).all()
    assert done.steps.max() <= 6
    assert float(halved.steps.double().mean()) > 2.5 * float(done.steps.double().mean())


def test_false_position_aims_at_the_side_of_the_nearer_end() -> None:
    """At |p_s - p_t| = beta / 2 there, so that another evaluation of the point gives the same class."""
    c, plain, p, x_s, x_t = sigmoids(8.0)
    beta = 1e-3
    done = bisect(p, x_s, x_t, label(0, 200), label(1, 200), beta=beta)
    lead, eighth = (p(done.x) @ torch.tensor([1.0, -1.0]))[plain], (8 * c[plain]).frac()
    torch.testing.assert_close(lead.abs(), torch.full_like(lead, beta / 2), atol=beta / 20, rtol=0)
    assert torch.equal(lead > 0, eighth < 0.5)
