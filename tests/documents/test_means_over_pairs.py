"""Means over places that share samples, and that the report and the gate state the same one."""

from __future__ import annotations

import math

import pytest

from auditor.documents.means_over_pairs import mean_of
from auditor.documents.ranking_and_summary import summarise
from auditor.documents.results import Measure, SummaryMeasure
from auditor.numbers.intervals import Interval
from auditor.policy.measure_places import mean_over, values
from tests.render.sample_results import synthetic_results


def test_an_end_that_is_open_somewhere_is_open():
    numbers = {(0, 1): Interval(5.0, 4.0, 6.0), (1, 0): Interval(3.0, 2.0)}
    assert mean_of(numbers, by_source=True) == (4.0, pytest.approx(4 - 2**0.5 / 2), math.inf)


def test_what_shares_a_class_is_counted_together_and_twins_once():
    numbers = dict.fromkeys([(0, 1), (1, 0), (2, 3)], Interval(1.0, 0.0, 2.0))
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
        places = {c: m.interval for c, m in values(results, name).items() if isinstance(m, Measure)}
        mean, low, high = mean_over(results, name)(places)
        assert mean == stated.mean
        assert low == (float("-inf") if stated.ci_low is None else stated.ci_low)
        assert high == (float("inf") if stated.ci_high is None else stated.ci_high)
        compared += 1
    assert compared > 5
