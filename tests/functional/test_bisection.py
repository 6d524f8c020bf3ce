"""Bisection against closed forms, an independent loop, and every way in which a segment can end."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from auditor.functional.bisection import Outcome, bisect
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
    for i in range(count):
        low, high, steps = a[i], b[i], 0
        while True:
            middle, steps = (low + high) / 2, steps + 1
            p_s, p_t = f.probabilities(middle[None])[0].tolist()
            if abs(p_s - p_t) < 1e-4:
                break
            low, high = (middle, high) if p_s > p_t else (low, middle)
        torch.testing.assert_close(done.x[i], middle, atol=1e-6, rtol=0)
        assert done.steps[i] == steps


def test_a_third_class_between_ends_the_segment() -> None:
    model = Sectors()
    # A straight line from sector 1 to sector 2 above the centre crosses sector 0.
    x_s, x_t = torch.tensor([[0.05, 0.52]]), torch.tensor([[0.95, 0.52]])
    assert model(x_s).argmax() == 1
    assert model(x_t).argmax() == 2
    done = bisect(lambda x: model(x).softmax(1), x_s, x_t, label(1, 1), label(2, 1))
    assert done.outcome.tolist() == [Outcome.THIRD_CLASS]
    assert done.third.tolist() == [0]


def test_a_jump_in_probability_exhausts_precision_instead_of_looping() -> None:
    def jump(x: torch.Tensor) -> torch.Tensor:
        p = (x[:, 0] > 0.3).float()
        return torch.stack([1 - p, p], dim=1)

    done = bisect(jump, torch.zeros(1, 1), torch.ones(1, 1), label(0, 1), label(1, 1), max_steps=200)
    assert done.outcome.tolist() == [Outcome.PRECISION]
    capped = bisect(jump, torch.zeros(1, 1), torch.ones(1, 1), label(0, 1), label(1, 1), max_steps=5)
    assert capped.outcome.tolist() == [Outcome.STEPS]
    assert capped.steps.tolist() == [5]


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
