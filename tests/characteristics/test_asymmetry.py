"""Asymmetry: its value, which margin it takes, and that its interval holds every combination."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.characteristics.asymmetry import Asymmetry, relative_difference
from auditor.documents.results import Measure, NotMeasured
from auditor.numbers.intervals import Interval

MISSING = NotMeasured(not_measured="for a test")


def number(value: float, low: float, high: float, n: int = 10) -> Measure:
    return Measure(value=value, ci_low=low, ci_high=high, n=n, unit="u", scale="number")


def test_relative_difference_by_hand():
    found = relative_difference(Interval(1.0, 0.9, 1.1), Interval(3.0, 2.5, 3.5))
    assert found == pytest.approx((0.5, 1.4 / 3.6, 2.6 / 4.4))


def test_overlapping_intervals_reach_zero():
    assert relative_difference(Interval(1.0, 0.5, 2.0), Interval(1.5, 1.0, 3.0)).low == 0


@given(st.data())
def test_interval_is_the_range_over_both_intervals(data):
    def estimate() -> Interval:
        low, value, high = sorted(data.draw(st.lists(st.floats(0, 10), min_size=3, max_size=3)))
        return Interval(value, low, high)

    a, b = estimate(), estimate()
    if a.value + b.value == 0:
        return
    found = relative_difference(a, b)
    steps = [i / 10 for i in range(11)]
    inside = [
        abs(p - q) / (p + q)
        for p in (a.low + s * (a.high - a.low) for s in steps)
        for q in (b.low + s * (b.high - b.low) for s in steps)
        if p + q > 0
    ]
    if found.high == math.inf:  # it may be anything
        assert found.low == -math.inf
        assert a.low <= b.high
        assert b.low <= a.high
        return
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low <= min(inside) + 1e-9
    assert max(inside) <= found.high + 1e-9


def test_an_open_end_reaches_as_far_as_a_distance_can():
    far = Interval(8.0, 6.0)
    assert relative_difference(Interval(1.0, 0.5, 2.0), far) == (7 / 9, 4 / 8, 1.0)
    assert relative_difference(far, Interval(1.0, high=2.0)) == (7 / 9, 4 / 8, 1.0)
    assert relative_difference(far, Interval(7.0, 5.0, 9.0)) == Interval(1 / 15)
    assert relative_difference(far, Interval(9.0, 7.0)) == Interval(1 / 17)
    assert relative_difference(Interval(8.0, 6.0, 9.0), Interval(7.0, high=8.0)) == Interval(1 / 15)


def test_takes_the_margin_and_idc():
    forth = {"margin_l2_attack": number(1, 1, 1), "margin_l2": number(5, 5, 5), "idc": number(0.2, 0.1, 0.3, 40)}
    back = {"margin_l2_attack": number(3, 3, 3), "margin_l2": number(5, 5, 5), "idc": number(0.2, 0.1, 0.3, 2)}
    found = Asymmetry().compare(forth, back)
    assert found["asymmetry_margin"].value == 0.5
    assert found["asymmetry_margin"].unit == "relative difference"
    assert (found["asymmetry_idc"].value, found["asymmetry_idc"].n) == (0, 42)


def test_the_distance_to_a_generated_instance_is_no_margin():
    forth = {"margin_l2_attack": number(1, 1, 1), "margin_l2": number(5, 5, 5), "idc": MISSING}
    back = {"margin_l2_attack": MISSING, "margin_l2": number(15, 15, 15)}
    found = Asymmetry().compare(forth, back)
    assert found["asymmetry_margin"] == NotMeasured(not_measured="margin_l2_attack not measured in both directions")
    assert found["asymmetry_idc"] == NotMeasured(not_measured="idc not measured in both directions")


def test_nothing_to_compare():
    found = Asymmetry().compare({"idc": number(0, 0, 0)}, {"idc": number(0, 0, 0.1)})
    assert found["asymmetry_idc"] == NotMeasured(not_measured="idc is zero in both directions")
    assert found["asymmetry_margin"].not_measured == "margin_l2_attack not measured in both directions"
