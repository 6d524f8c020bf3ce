"""Intervals and tests of the gate, against scipy, closed forms and simulation."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from auditor.numbers.intervals import (
    Interval,
    difference,
    fisher,
    holm,
    mean_of,
    p_value,
    simultaneous,
    z_for,
)

Z = stats.norm.ppf(0.975)


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_fishers_test(n1: int, n2: int, data: st.DataObject):
    k1, k2 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n2))
    expected = stats.fisher_exact([[k1, n1 - k1], [k2, n2 - k2]])[1]
    assert fisher(k1, n1, k2, n2) == pytest.approx(expected, rel=1e-6)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holms_correction_never_lowers_and_keeps_the_order(p_values: list[float]):
    corrected = holm(p_values)
    assert all(a <= b <= 1 for a, b in zip(p_values, corrected, strict=True))
    pairs = sorted(zip(p_values, corrected, strict=True))
    assert [b for _, b in pairs] == sorted(b for _, b in pairs)


def test_simultaneous_intervals_follow_bonferroni():
    assert z_for(90) == pytest.approx(stats.norm.ppf(1 - 0.05 / 180))
    wide = simultaneous(Interval(1.0, 0.8, 1.4), 90)
    assert wide.value - wide.low == pytest.approx(0.2 * z_for(90) / Z)
    assert wide.high - wide.value == pytest.approx(0.4 * z_for(90) / Z)
    assert simultaneous(wide, 1) == wide


def test_a_difference_adds_squares_of_the_sides_that_matter():
    assert difference(Interval(5, 2, 6), Interval(3, 1, 7)) == Interval(2, 2 - math.hypot(3, 4), 2 + math.hypot(1, 2))


def test_the_mean_of_equal_intervals_narrows_with_the_root_of_their_number():
    found = mean_of({(i, i + 1): Interval(i, i - 1, i + 1) for i in range(25)})
    assert found == Interval(12, 12 - 1 / 5, 12 + 1 / 5)


@pytest.mark.parametrize("value", [-3.0, -0.2, 0.0, 0.4, 5.0])
def test_the_p_value_is_that_of_a_normal_test(value: float):
    assert p_value(Interval(value, value - Z, value + Z)) == pytest.approx(2 * stats.norm.sf(abs(value)))


def test_a_difference_without_an_interval_is_certain():
    assert p_value(Interval(0.1, 0.1, 0.1)) == 0.0
    assert p_value(Interval(0.0, 0.0, 0.0)) == 1.0


@pytest.mark.parametrize(
    ("interval", "p"),
    [
        (Interval(2.0, -math.inf, 4.0), 1.0),
        (Interval(-2.0, -4.0, math.inf), 1.0),
        (Interval(2.0, -math.inf, math.inf), 1.0),
        (Interval(2.0, 2.0 - Z, math.inf), 2 * stats.norm.sf(2)),
        (Interval(-2.0, -math.inf, -2.0 + Z), 2 * stats.norm.sf(2)),
    ],
)
def test_an_open_end_says_nothing_about_zero_on_its_side(interval: Interval, p: float):
    assert p_value(interval) == pytest.approx(p)


def test_open_ends_stay_open_in_differences_and_means():
    open_below = Interval(1.0, -math.inf, 2.0)
    assert difference(open_below, Interval(0.0, -1.0, 1.0)).low == -math.inf
    assert difference(Interval(0.0, -1.0, 1.0), open_below).high == math.inf
    assert mean_of({(0, 1): open_below, (1, 0): Interval(1.0, 0.0, 2.0)}).low == -math.inf
    assert simultaneous(open_below, 9).low == -math.inf
