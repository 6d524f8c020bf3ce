"""Shares of the same samples against scipy, closed forms and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from auditor.policy.disagreement import Disagreement, disagreement


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemars_test_is_the_binomial_test(only: int, other: int):
    expected = stats.binomtest(only, only + other).pvalue if only + other else 1.0
    assert Disagreement(only, other, 100, 200).p == pytest.approx(expected)


def test_tangos_interval_in_closed_forms():
    """Without any disagreement z^2 / (n + z^2); with all on one side (1 - z^2 / n) / (1 + z^2 / n)."""
    z2 = stats.norm.ppf(0.975) ** 2
    none = Disagreement(0, 0, 300, 355).estimate()
    assert (none.low, none.high) == pytest.approx((-z2 / (355 + z2), z2 / (355 + z2)), abs=1e-6)
    every = Disagreement(5, 0, 0, 5).estimate()
    assert (every.value, every.low, every.high) == pytest.approx((1.0, (1 - z2 / 5) / (1 + z2 / 5), 1.0), abs=1e-6)


@pytest.mark.parametrize(("only", "other", "rest"), [(0.05, 0.02, 0.9), (0.01, 0.01, 0.97), (0.2, 0.05, 0.6)])
@pytest.mark.parametrize("n", [36, 355])
def test_tangos_interval_covers(only: float, other: float, rest: float, n: int):
    rng, hits = np.random.default_rng(n), 0
    for _ in range(400):
        b, c, both, _ = rng.multinomial(n, (only, other, rest, 1 - only - other - rest))
        found = Disagreement(int(b), int(c), int(both), n).estimate()
        hits += found.low <= only - other <= found.high
    assert hits / 400 >= 0.93


def test_tangos_interval_turns_with_the_sides():
    forth, back = Disagreement(9, 2, 80, 100).estimate(), Disagreement(2, 9, 80, 100).estimate()
    assert forth.value == pytest.approx(0.07)
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))
    share = Disagreement(9, 2, 78, 100).share()
    assert share is not None
    assert share.value == pytest.approx(0.07 / 0.8)


def test_a_disagreement_counts_each_side():
    found = disagreement([True, True, False, True], [True, False, True, False])
    assert found == Disagreement(2, 1, 1, 4)
