"""That an audit takes long is said at its start, with the budget that would give something of every pair."""

from __future__ import annotations

import pytest

from auditor.documents.profiles import PROFILES
from auditor.documents.results import Cost
from auditor.pipeline.inspect.estimate import foretold, of_a_unit
from auditor.pipeline.time_budget import Pace, TimeBudget


def budget(seconds_of_a_pass: float, seconds: float | None = None) -> TimeBudget:
    pace = Pace(of_a_unit(PROFILES["quick"], "deepdig", 6, 150))
    pace.saw(Cost(forward=1000, backward=0), 1000 * seconds_of_a_pass)
    return TimeBudget(seconds, 0.0, lambda: 0.0, pace)


def test_a_long_audit_is_foretold_with_a_budget_that_reaches_every_pair() -> None:
    said = foretold(budget(0.017), 6, "quick")
    assert "(6 pairs, profile quick)" in said
    minutes = int(said.split("--time-budget ")[1].split("m")[0])
    pace = budget(0.017).pace
    assert 60 * minutes >= pace.expected("screen", 8 * 6) + pace.expected("outline", 6)
    assert 60 * minutes < pace.expected("full", 6)


@pytest.mark.parametrize(("of_a_pass", "seconds"), [(1e-5, None), (0.017, 600.0)], ids=["short", "bounded"])
def test_nothing_is_said_of_a_short_audit_or_of_one_with_a_budget(of_a_pass: float, seconds: float | None) -> None:
    assert foretold(budget(of_a_pass, seconds), 6, "quick") == ""


def test_a_budget_that_is_too_short_for_all_pairs_is_said_to_be() -> None:
    now = [0.0]
    short = TimeBudget(30.0, -22.0, lambda: now[0], budget(0.017).pace)
    said = foretold(short, 6, "quick")
    assert "--time-budget 30s is short: model, data and predictions took 22 s of it, and 3 s are left" in said
    enough = int(said.split(" take about ")[1].split("s")[0])
    assert foretold(TimeBudget(enough + 1.0, -22.0, lambda: now[0], budget(0.017).pace), 6, "quick") == ""
    now[0] = 5.0
    assert "took 27 s of it, and nothing is left for class pairs" in foretold(short, 6, "quick")
