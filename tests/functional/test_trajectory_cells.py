"""Class changes from some of the points: the expectation over all draws, the count where all are asked, the cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from auditor.functional.trajectory_cells import HEAVIEST, changes_along, first_steps


class Recorded:
    """Classes and leads along trajectories ``(P, T)``; counts what is asked for."""

    def __init__(self, classes: Tensor, leads: Tensor) -> None:
        self.classes, self.leads, self.asked = classes, leads, list[tuple[int, int]]()

    def __call__(self, paths: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        self.asked += zip(paths.tolist(), steps.tolist(), strict=True)
        return self.classes[paths, steps], self.leads[paths, steps]

    def changes(self, steps: Tensor, draw: Callable[[Tensor], Tensor]) -> Tensor:
        found = changes_along(self, len(self.classes), steps, draw=draw)
        assert found is not None
        return found

    @property
    def exact(self) -> Tensor:
        counts = [sum(a != b for a, b in pairwise(row)) for row in self.classes.tolist()]
        return torch.tensor(counts, dtype=torch.float64)


def by_chance(seed: int) -> Callable[[Tensor], Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return lambda chance: torch.rand(chance.shape, dtype=torch.float64, generator=rng) < chance


class Scripted:
    """Draws that begin as told and go on with yes; what they could have been otherwise, and how likely they were."""

    def __init__(self, script: list[bool]) -> None:
        self.script, self.drawn, self.probability = script, list[bool](), 1.0
        self.others = list[list[bool]]()

    def __call__(self, chance: Tensor) -> Tensor:
        assert ((chance > 0) & (chance <= 1)).all()
        return torch.tensor([self._one(q) for q in chance.tolist()], dtype=torch.bool)

    def _one(self, q: float) -> bool:
        told = len(self.drawn) < len(self.script)
        if not told and q < 1:
            self.others.append([*self.drawn, False])
        yes = self.script[len(self.drawn)] if told else True
        self.drawn.append(yes)
        self.probability *= q if yes else 1 - q
        return yes


def outcomes(walk: Recorded, steps: Tensor) -> Iterator[tuple[float, float]]:
    """Every outcome of the draws on one trajectory: its probability and the estimate."""
    waiting: list[list[bool]] = [[]]
    while waiting:
        draw = Scripted(waiting.pop())
        estimate = float(walk.changes(steps, draw))
        yield draw.probability, estimate
        waiting += draw.others


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 2), min_size=9, max_size=9),
    st.lists(st.sampled_from([0.0, 0.1, 1.0, 5.0, 30.0, float("nan")]), min_size=9, max_size=9),
    st.sampled_from([[0, 8], [0, 4, 8], [0, 1, 7, 8], [0, 3, 5, 8]]),
)
def test_the_expectation_over_all_draws_is_the_count_over_all_points(classes, leads, steps):
    walk = Recorded(torch.tensor([classes]), torch.tensor([leads]))
    found = list(outcomes(walk, torch.tensor(steps)))
    assert sum(p for p, _ in found) == pytest.approx(1)
    assert sum(p * estimate for p, estimate in found) == pytest.approx(float(walk.exact))
    assert all(0 <= estimate <= HEAVIEST * 8 for _, estimate in found)


def test_a_change_that_nothing_announces_is_found_in_one_draw_of_sixteen():
    # Both ends and the steepness say that nothing happens; step 2 is of another class.
    walk = Recorded(torch.tensor([[0, 0, 1, 0, 0]]), torch.tensor([[9.0, 9.0, 9.0, 9.0, 9.1]]))
    found = list(outcomes(walk, torch.tensor([0, 4])))
    assert sum(p for p, estimate in found if estimate > 0) == pytest.approx(1 / HEAVIEST)
    assert {estimate for _, estimate in found} == {0.0, 2 * HEAVIEST}


@given(st.integers(1, 5), st.integers(2, 12), st.integers(0, 10**6))
def test_it_is_the_count_where_every_point_is_asked(count: int, points: int, seed: int):
    rng = torch.Generator().manual_seed(seed)
    walk = Recorded(torch.randint(3, (count, points), generator=rng), torch.rand(count, points, generator=rng))
    never, always = (lambda chance: torch.zeros_like(chance) > 0), (lambda chance: torch.ones_like(chance) > 0)
    assert torch.equal(walk.changes(torch.arange(points), never), walk.exact)
    assert sorted(walk.asked) == [(path, step) for path in range(count) for step in range(points)]
    # Leads of nothing leave every middle a chance of a half or one; drawn always, none is asked twice.
    undecided = Recorded(walk.classes, torch.zeros(count, points))
    undecided.changes(first_steps(points), always)
    assert sorted(undecided.asked) == sorted(walk.asked)


def test_ends_in_doubt_are_asked_between_and_ends_of_no_doubt_hardly_ever():
    n, points = 400, 50
    straight = torch.linspace(0, 1, points).repeat(n, 1)
    # One crossing half way: the lead falls to 0 and rises again, so that cells far from it are decided.
    crossing = Recorded((straight > 0.5).long(), (straight - 0.5).abs())
    assert torch.equal(crossing.changes(first_steps(points), by_chance(0)), crossing.exact)
    first = len(first_steps(points))
    assert first < len(crossing.asked) / n < first + 3
    # No lead anywhere: all is asked.
    flat = Recorded(torch.zeros(n, points, dtype=torch.int64), torch.zeros(n, points))
    flat.changes(first_steps(points), by_chance(0))
    assert len(flat.asked) == n * points


def test_nothing_is_made_up_where_the_model_does_not_answer():
    def silent(paths: Tensor, steps: Tensor) -> None:
        return None

    assert changes_along(silent, 3, first_steps(50), draw=by_chance(0)) is None


@pytest.mark.parametrize("points", [2, 3, 9, 10, 20, 50, 51, 200])
def test_the_first_look_has_both_ends_and_a_few_points_between(points: int):
    steps = first_steps(points)
    assert (steps[0], steps[-1]) == (0, points - 1)
    assert (steps.diff() > 0).all()
    assert len(steps) <= min(points, 9)
