"""Keeping to a time: nothing is begun that would not end, and the first part teaches the pace."""

from __future__ import annotations

import pytest

from auditor.pipeline import time_budget as module
from auditor.pipeline.time_budget import TimeBudget


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_without_a_bound_everything_fits(clock: list[float]) -> None:
    assert TimeBudget(None, clock[0]).fitting(7) == 7


def test_the_first_part_is_one_pair_and_the_next_as_large_as_the_time_allows(clock: list[float]) -> None:
    budget = TimeBudget(100.0, clock[0])
    assert budget.left() == 90.0
    assert budget.fitting(8) == 1
    clock[0] += 10
    budget.took(1, 10.0)
    assert budget.fitting(8) == 6  # 80 s left, 12.5 s each
    clock[0] += 66
    assert budget.fitting(8) == 1
    clock[0] += 4
    assert budget.fitting(8) == 0


def test_the_pace_of_many_pairs_replaces_that_of_the_first(clock: list[float]) -> None:
    budget = TimeBudget(1000.0, clock[0])
    budget.took(1, 40.0)
    slow = budget.fitting(100)
    budget.took(10, 50.0)
    assert budget.fitting(1000) > slow


def test_time_that_is_spent_before_the_first_pair_leaves_none(clock: list[float]) -> None:
    budget = TimeBudget(20.0, clock[0])
    clock[0] += 16
    assert budget.fitting(8) == 0
