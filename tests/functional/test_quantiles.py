"""Intervals of quantiles against scipy, closed forms, coverage by simulation, censored and tied values."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from auditor.functional.quantiles import _binomial, _end, quantile_estimate


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("count", "share"), [(1, 0.5), (24, 0.05), (64, 0.95), (3000, 0.3)])
def test_binomial_is_scipys(count: int, share: float) -> None:
    expected = stats.binom.pmf(np.arange(count + 1), count, share)
    np.testing.assert_allclose(_binomial(count, share).numpy(), expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("level", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("count", [6, 24, 64, 400])
def test_ends_lie_just_inside_the_order_statistics_of_the_exact_test(count: int, level: float) -> None:
    # scipy takes the outer order statistic at each end, so ours lies between it and the next one inwards.
    x = np.random.default_rng(count).gamma(2.0, size=count)
    estimate, ordered = quantile_estimate(torch.tensor(x), level), np.sort(x)
    exact = stats.quantile_test(x, p=level).confidence_interval(0.95)
    assert estimate is not None
    for ours, outer, step in ((estimate.low, exact.low, 1), (estimate.high, exact.high, -1)):
        assert (ours is None) == bool(np.isnan(outer))
        if ours is not None:
            inner = ordered[int(np.searchsorted(ordered, outer)) + step]
            assert min(outer, inner) - 1e-12 <= ours <= max(outer, inner) + 1e-12


def test_interpolation_for_the_median_is_hettmansperger_and_sheathers() -> None:
    count, tail = 24, 0.025
    rank = int(stats.binom.ppf(tail, count, 0.5))  # P(Bin < rank) <= tail < P(Bin <= rank)
    within, beyond = stats.binom.cdf(rank - 1, count, 0.5), stats.binom.cdf(rank, count, 0.5)
    share = (tail - within) / (beyond - within)
    weight = (count - rank) * share / (rank + (count - 2 * rank) * share)
    assert _end(count, 0.5, tail) == pytest.approx(rank - 1 + weight)


@pytest.mark.parametrize(("level", "least"), [(0.05, 72), (0.5, 6), (0.95, 72)])
def test_an_end_is_open_where_even_the_extreme_value_is_not_far_enough_out(level: float, least: int) -> None:
    # 0.95^71 = 2.6 %, 0.95^72 = 2.5 %; 0.5^5 = 3.1 %, 0.5^6 = 1.6 %.
    for count, is_open in ((least - 1, True), (least, False)):
        estimate = quantile_estimate(torch.rand(count, generator=rng()), level)
        assert estimate is not None
        assert (estimate.low is None or estimate.high is None) == is_open


@pytest.mark.parametrize("level", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("count", [24, 64, 400])
def test_each_closed_end_errs_as_often_as_it_says(count: int, level: float) -> None:
    draws = 1500
    found = [quantile_estimate(row, level) for row in torch.rand(draws, count, generator=rng(count)).square()]
    missed_below = sum(e is not None and e.low is not None and level**2 < e.low for e in found)
    missed_above = sum(e is not None and e.high is not None and level**2 > e.high for e in found)
    for missed in (missed_below, missed_above):
        assert missed / draws <= 0.025 + 3 * (0.025 * 0.975 / draws) ** 0.5


@given(st.lists(st.one_of(st.floats(0, 9, width=32), st.just(math.inf), st.just(0.0)), min_size=1, max_size=90),
       st.sampled_from([0.05, 0.5, 0.95]))  # fmt: skip
def test_censored_and_tied_values(values: list[float], level: float) -> None:
    estimate = quantile_estimate(torch.tensor(values), level)
    ordered, place = sorted(values), level * (len(values) - 1)
    if ordered[math.ceil(round(place, 9))] == math.inf:
        assert estimate is None
        return
    assert estimate is not None
    assert math.isfinite(estimate.value)
    assert estimate.low is None or min(values) <= estimate.low <= estimate.value
    assert estimate.high is None or estimate.value <= estimate.high < math.inf
    # How far beyond what was looked the censored values lie cannot matter, where no end reaches into them.
    closer = quantile_estimate(torch.tensor([min(v, 10.0) for v in values]), level)
    assert closer is not None
    assert (closer.value, closer.low) == (estimate.value, estimate.low)
    assert estimate.high in (None, closer.high)


def test_zeros_are_values_like_others() -> None:
    found = quantile_estimate(torch.tensor([0.0] * 30 + [1.0] * 10), 0.5)
    assert found == (0.0, 0.0, 0.0)
