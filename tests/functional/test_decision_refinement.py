"""Points brought nearer by decisions: closed forms in a half-space and on a staircase."""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.functional.decision_refinement import corners, restored

NORMAL = torch.linspace(-1, 1, 20)


def beyond(x: Tensor) -> Tensor:
    """Class 1 where <n, x - 1/2> > 0.5."""
    return ((x - 0.5) @ NORMAL > 0.5).long()


def rng(seed: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed)]


def test_corners_reach_the_closed_form_of_a_half_space() -> None:
    x = torch.full((6, 20), 0.5)
    y = (x + 0.4 * torch.where(torch.rand(6, 20, generator=rng(1)[0]) < 0.2, -1.0, 1.0) * NORMAL.sign()).clamp(0, 1)
    target = beyond(y)
    assert bool(target.all())
    found = corners(beyond, x, y, target, [6], rng(), 400, 14)
    nearest = 0.5 / NORMAL.abs().sum()
    assert bool((beyond(found) == 1).all())
    ratio = (found - x).abs().amax(dim=1) / nearest
    assert ratio.min() > 0.999
    assert ratio.max() < 1.02


def test_pixels_that_a_staircase_does_not_see_are_set_back() -> None:
    """Pixels are rounded to 0 or 1 and two of the first four must be 1: moving two of them to 1/2 is enough."""

    def stairs(x: Tensor) -> Tensor:
        return (x[:, :4].round().sum(dim=1) >= 2).long()

    x, y = torch.zeros(5, 20), torch.full((5, 20), 0.6)
    found = restored(stairs, x, y, torch.ones(5, dtype=torch.int64), [5], rng(), 400)
    assert bool((stairs(found) == 1).all())
    assert bool((found.abs() <= y.abs()).all())
    torch.testing.assert_close(found.norm(dim=1), torch.full((5,), 0.6 * 2**0.5))


def test_a_point_on_a_flat_boundary_has_nothing_to_lose() -> None:
    x = torch.full((4, 20), 0.5)
    y = x + 0.5001 * NORMAL / NORMAL.square().sum()
    found = restored(beyond, x, y, torch.ones(4, dtype=torch.int64), [4], rng(), 200)
    torch.testing.assert_close(found, y, atol=1e-2, rtol=0)


def test_instances_of_one_direction_do_not_depend_on_the_others() -> None:
    x = torch.full((5, 20), 0.5)
    y = (x + 0.45 * NORMAL.sign()).clamp(0, 1)
    ones = torch.ones(5, dtype=torch.int64)
    together = corners(beyond, x, y, ones, [2, 3], rng(3) + rng(4), 50, 10)
    alone = corners(beyond, x[2:], y[2:], ones[2:], [3], rng(4), 50, 10)
    torch.testing.assert_close(together[2:], alone)
