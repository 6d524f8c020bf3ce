"""Intervals of quantiles against scipy, closed forms, coverage by simulation, censored and tied values."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from auditor.functional.distances import neighbours_within
from auditor.functional.quantiles import (
    _binomial,
    _end,
    median_difference,
    median_of_neighbours,
    median_ratio,
    quantile_estimate,
)
from auditor.numbers.intervals import Interval, difference


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
        assert math.isinf(ours) == bool(np.isnan(outer))
        if math.isfinite(ours):
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
        assert (not all(map(math.isfinite, estimate))) == is_open


@pytest.mark.parametrize("level", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("count", [24, 64, 400])
def test_each_closed_end_errs_as_often_as_it_says(count: int, level: float) -> None:
    draws = 1500
    found = [quantile_estimate(row, level) for row in torch.rand(draws, count, generator=rng(count)).square()]
    missed_below = sum(e is not None and level**2 < e.low for e in found)
    missed_above = sum(e is not None and level**2 > e.high for e in found)
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
    assert estimate.low == -math.inf or min(values) <= estimate.low <= estimate.value
    assert estimate.value <= estimate.high
    # How far beyond what was looked the censored values lie cannot matter, where no end reaches into them.
    closer = quantile_estimate(torch.tensor([min(v, 10.0) for v in values]), level)
    assert closer is not None
    assert (closer.value, closer.low) == (estimate.value, estimate.low)
    assert estimate.high in (math.inf, closer.high)


def test_zeros_are_values_like_others() -> None:
    found = quantile_estimate(torch.tensor([0.0] * 30 + [1.0] * 10), 0.5)
    assert found == (0.0, 0.0, 0.0)


# ---- two medians -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "m"), [(24, 24), (24, 200), (64, 24)])
def test_difference_and_ratio_of_medians_of_unlike_shapes_are_covered(n: int, m: int) -> None:
    # Lognormal with median 2 against uniform with median 1/2.
    draws, g, covered = 800, rng(n * m), [0, 0]
    for _ in range(draws):
        a, b = 2 * (0.6 * torch.randn(n, generator=g)).exp(), torch.rand(m, generator=g)
        for place, (estimate, truth) in enumerate(((median_difference(a, b), 1.5), (median_ratio(a, b), 4.0))):
            assert estimate is not None
            covered[place] += estimate.low <= truth <= estimate.high
    for hits in covered:
        assert 0.93 <= hits / draws <= 0.985


def test_two_medians_are_those_of_the_samples() -> None:
    a, b = torch.rand(30, generator=rng(1)) + 1, torch.rand(25, generator=rng(2)) + 0.5
    of_a, of_b = quantile_estimate(a, 0.5), quantile_estimate(b, 0.5)
    assert of_a is not None
    assert of_b is not None
    assert median_difference(a, b) == difference(of_a, of_b)
    ratio = median_ratio(a, b)
    assert ratio is not None
    assert ratio.value == pytest.approx(float(np.median(a) / np.median(b)))


def test_a_censored_median_has_no_difference_and_a_censored_end_is_open() -> None:
    far, near = torch.tensor([1.0] * 10 + [math.inf] * 11), torch.rand(30, generator=rng())
    assert median_difference(far, near) is None
    assert median_difference(near, far) is None
    assert median_ratio(near, far) is None
    half = median_difference(torch.tensor([1.0] * 12 + [math.inf] * 9), near)
    assert half is not None
    assert half.low > -math.inf
    assert half.high == math.inf
    assert median_ratio(near, torch.zeros(9)) is None


# ---- neighbours --------------------------------------------------------------------------------------------------


def test_pairs_of_neighbours_are_worth_half_as_many_values() -> None:
    # Instances two by two: every distance is there twice.
    distances = torch.rand(40, generator=rng(3)).repeat_interleave(2)
    nearest = torch.arange(80) + torch.tensor([1, -1]).repeat(40)
    found, single = median_of_neighbours(distances, nearest), quantile_estimate(distances[::2], 0.5)
    assert single is not None
    assert found.low == pytest.approx(single.low, abs=0.03)
    assert found.high == pytest.approx(single.high, abs=0.03)


@pytest.mark.parametrize("width", [2, 10])
def test_distance_between_neighbours_is_covered(width: int) -> None:
    g, count = rng(width), 24
    found = [neighbours_within(torch.randn(count, width, generator=g)) for _ in range(500)]
    truth = float(torch.stack([distances.median() for distances, _ in found]).median())
    estimates: list[Interval] = [median_of_neighbours(*one) for one in found]
    covered = sum(e.low <= truth <= e.high for e in estimates) / 500
    assert 0.90 <= covered <= 0.98
