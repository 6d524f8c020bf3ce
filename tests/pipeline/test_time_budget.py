"""Keeping to a time: what fits, what work teaches about its pace, and what ends work that takes too long."""

from __future__ import annotations

import pytest

from auditor.documents.results import Cost
from auditor.models.classifier import Spent
from auditor.pipeline.time_budget import OutOfTime, Pace, TimeBudget, at_most, on_course


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_without_a_bound_everything_fits_and_nothing_is_cut_off() -> None:
    budget = TimeBudget(None, 0.0)
    assert budget.fits(1e9)
    assert budget.cut_off() is None


def test_the_time_for_the_report_is_kept_and_what_was_begun_may_end_a_little_late() -> None:
    clock = Clock()
    budget = TimeBudget(100.0, clock(), clock)
    assert budget.left() == 90.0
    assert budget.cut_off() == 95.0
    assert budget.fits(72.0)
    assert not budget.fits(73.0)
    clock.now += 96
    assert budget.left() == -6.0
    assert budget.cut_off() == 0.0
    assert not budget.fits(0.0)


@pytest.mark.parametrize("seconds", [1.0, 45.0, 100.0, 270.0, 1000.0])
def test_a_budget_that_is_enough_leaves_as_much(seconds: float) -> None:
    assert TimeBudget(TimeBudget.enough_for(seconds), 0.0, lambda: 0.0).left() == pytest.approx(seconds)


def test_a_pace_is_that_of_the_passes_before_a_task_of_its_kind_has_ended() -> None:
    pace = Pace({"full": Cost(forward=300, backward=100)})
    assert pace.expected("full", 2) == 0.0
    pace.saw(Cost(forward=1000, backward=0), 2.0)
    assert pace.expected("full", 2) == pytest.approx(2 * 500 * 0.002)
    pace.took("full", 1, 9.0)
    assert pace.expected("full", 2) == 18.0
    pace.took("full", 4, 20.0)  # many pairs share the model's batches
    assert pace.expected("full", 2) == 10.0
    assert pace.longest("full", 2) == 10.0
    pace.took("full", 1, 30.0)
    pace.took("full", 4, 16.0)
    assert pace.expected("full", 2) == 9.0
    assert pace.longest("full", 2) == 10.0
    pace.took("full", 3, 12.0)
    assert pace.expected("full", 11) == 48.0


def test_one_task_fits_where_it_may_take_as_long_as_the_slowest_so_far() -> None:
    clock = Clock()
    budget = TimeBudget(100.0, clock(), clock)
    for seconds in (20.0, 20.0, 80.0):
        budget.pace.took("outline", 1, seconds)
    assert budget.fits_task("outline", 1)  # 90 are left, of which 1.25 times 40 may be needed, or 80
    assert not budget.fits_task("outline", 2)
    clock.now += 11
    assert budget.fits(budget.pace.expected("outline", 1))
    assert not budget.fits_task("outline", 1)


def test_work_ends_with_the_first_batch_beyond_its_time_and_the_next_is_free_again() -> None:
    clock, spent = Clock(), Spent()
    with at_most(5.0, spent, clock):
        for _ in range(3):
            spent.before_each()
            clock.now += 2.5
        with pytest.raises(OutOfTime):
            spent.before_each()
    assert clock.now == 1007.5
    spent.before_each()


def test_the_nearer_of_two_bounds_counts() -> None:
    clock, spent = Clock(), Spent()
    with at_most(5.0, spent, clock), at_most(50.0, spent, clock):
        clock.now += 6
        with pytest.raises(OutOfTime):
            spent.before_each()


def test_long_work_ends_as_soon_as_its_pace_tells() -> None:
    clock, heard = Clock(), list[int]()
    report = on_course(lambda _, done, __: heard.append(done), 50.0, clock)
    for done in range(1, 5):
        clock.now += 60 if done == 1 else 1
        report("training", done, 100)
    clock.now += 1
    with pytest.raises(OutOfTime):
        report("training", 5, 100)
    assert heard == [1, 2, 3, 4, 5]
    easy = on_course(lambda *_: None, 200.0, clock)
    for done in range(1, 101):
        clock.now += 1
        easy("training", done, 100)
