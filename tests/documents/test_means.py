"""Means over places that share samples, and that the report and the gate state the same one."""

from __future__ import annotations

import pytest

from auditor.documents.means import mean_of
from auditor.documents.results import Measure, SummaryMeasure
from auditor.documents.summary import summarise
from auditor.numbers.intervals import Interval
from auditor.policy.measures import mean_over, values
from tests.render.sample_results import synthetic_results


def measure(value: float) -> Measure:
    return Measure(value=value, ci_low=value - 1, ci_high=value + 1, n=9, unit="u", direction="higher is safer")


def test_an_end_that_is_open_somewhere_is_open():
    numbers = {(0, 1): measure(5.0), (1, 0): measure(3.0).model_copy(update={"ci_high": None})}
    assert mean_of(numbers, by_source=True) == (4.0, pytest.approx(4 - 2**0.5 / 2), None)


def test_what_shares_a_class_is_counted_together_and_twins_once():
    numbers = {(0, 1): measure(1.0), (1, 0): measure(1.0), (2, 3): measure(1.0)}
    assert mean_of(numbers, by_source=False)[2] == pytest.approx(1 + (2**2 + 1) ** 0.5 / 3)
    assert mean_of(numbers, by_source=True)[2] == pytest.approx(1 + 3**0.5 / 3)


def test_the_gate_states_the_mean_that_the_report_states():
    results = synthetic_results()
    summary = summarise(results.pairs, results.definitions).characteristics
    compared = 0
    for id, stated in summary.items():
        if not isinstance(stated, SummaryMeasure):
            continue
        name = f"characteristics.{id}"
        places = {
            c: Interval(m.value, m.low, m.high) for c, m in values(results, name).items() if isinstance(m, Measure)
        }
        mean, low, high = mean_over(results, name)(places)
        assert mean == stated.mean
        assert low == (float("-inf") if stated.ci_low is None else stated.ci_low)
        assert high == (float("inf") if stated.ci_high is None else stated.ci_high)
        compared += 1
    assert compared > 5
