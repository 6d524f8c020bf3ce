"""Intervals against scipy, closed forms and coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from auditor.functional import statistics
from auditor.functional.statistics import (
    bootstrap,
    evenly_spaced,
    mean,
    mean_estimate,
    mean_over_pairs,
    quantiles,
    ratio_estimate,
    replicates,
)
from auditor.functional.trajectories import round_robin_pairs
from auditor.numbers.intervals import Interval, difference, ratio, student, wilson


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(st.integers(1, 5000), st.data())
def test_wilson_is_scipys(trials, data):
    successes = data.draw(st.integers(0, trials))
    expected = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    value, low, high = wilson(successes, trials)
    assert value == successes / trials
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= value <= high <= 1


@pytest.mark.parametrize("level", [0.025, 0.5, 0.9])
def test_bootstrap_of_a_quantile_agrees_with_scipy(level):
    x = np.random.default_rng(1).gamma(2.0, size=201)
    expected = stats.bootstrap(
        (x,), lambda v, axis: np.quantile(v, level, axis=axis), method="percentile", n_resamples=20_000, rng=2
    ).confidence_interval
    (found,) = bootstrap(torch.tensor(x), quantiles(level), rng=rng(), resamples=20_000)
    assert found.value == pytest.approx(np.quantile(x, level))
    scale = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.05 * scale)
    assert found.high == pytest.approx(expected.high, abs=0.05 * scale)


def test_bootstrap_of_a_mean_agrees_with_scipy_and_with_the_normal_theory():
    x = np.random.default_rng(3).normal(5, 2, size=300)
    expected = stats.bootstrap((x,), np.mean, method="percentile", n_resamples=20_000, rng=4).confidence_interval
    (found,) = bootstrap(torch.tensor(x), mean, rng=rng(), resamples=20_000)
    half = 1.96 * x.std() / 300**0.5
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.05 * half)
    assert (found.low, found.high) == pytest.approx((x.mean() - half, x.mean() + half), abs=0.05 * half)


def test_a_resample_may_hold_any_row_the_last_as_well_as_the_first():
    def seen(resamples: torch.Tensor) -> torch.Tensor:
        return torch.stack([(resamples == row).any(dim=1).double() for row in range(7)], dim=1)

    # A row is in a resample of 7 with probability 1 - (6/7)^7 = 66 %.
    shares = replicates(torch.arange(7.0), seen, rng=rng(), resamples=4000).mean(dim=0)
    assert shares.tolist() == pytest.approx([1 - (6 / 7) ** 7] * 7, abs=0.03)
    ends = replicates(torch.arange(7.0), lambda r: torch.stack([r.amin(1), r.amax(1)], dim=1), rng=rng())
    assert (float(ends.min()), float(ends.max())) == (0, 6)


def test_several_numbers_come_from_the_same_resamples():
    x = torch.rand(50, generator=rng(1))
    low, middle, high = replicates(x, quantiles(0.05, 0.5, 0.95), rng=rng()).T
    assert bool(((low <= middle) & (middle <= high)).all())
    assert torch.stack([low, middle]).corrcoef()[0, 1] > 0.1


@pytest.mark.parametrize("n", [1, 2, 9, 40])
def test_quantiles_drawn_without_resamples_are_those_of_resamples(n):
    x, statistic = torch.rand(n, generator=rng(n)).double(), quantiles(0.0, 0.05, 0.5, 1.0)
    without = replicates(x, statistic, rng=rng(1), resamples=4000)
    resamples = x[torch.randint(n, (4000, n), generator=rng(2))]
    for one, other in zip(without.T, statistic(resamples).T, strict=True):
        assert stats.ks_2samp(one, other).pvalue > 0.001
    # Together as well: the distances between them have the same distribution.
    for one, other in zip(without.diff(dim=1).T, statistic(resamples).diff(dim=1).T, strict=True):
        assert stats.ks_2samp(one.round(decimals=9), other.round(decimals=9)).pvalue > 0.001


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=40), st.integers(0, 5))
def test_interval_holds_the_estimate_and_stays_within_the_sample(values, seed):
    for estimate in bootstrap(torch.tensor(values), quantiles(0.1, 0.5), rng=rng(seed), resamples=50):
        assert min(values) <= estimate.low <= estimate.value <= estimate.high <= max(values)


def test_memory_bound_does_not_change_the_numbers(monkeypatch):
    x = torch.rand(37, generator=rng(1))
    whole = bootstrap(x, mean, rng=rng())
    monkeypatch.setattr(statistics, "CELLS", 1000)
    for one, other in zip(bootstrap(x, mean, rng=rng()), whole, strict=True):
        assert one == pytest.approx(other, abs=1e-12)


def test_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    bootstrap(torch.rand(20, generator=rng()), mean, rng=rng())
    assert torch.equal(before, torch.get_rng_state())


# ---- means -------------------------------------------------------------------------------------------------------


def test_mean_of_a_symmetric_sample_has_students_interval():
    x = torch.randn(40, generator=rng(2), dtype=torch.float64)
    x = torch.cat([x, -x]) + 3
    expected = stats.t.interval(0.95, len(x) - 1, loc=x.mean(), scale=stats.sem(x.numpy()))
    assert mean_estimate(x) == pytest.approx((3.0, *expected), abs=1e-6)


def test_mean_of_a_skewed_sample_has_the_interval_of_the_studentised_bootstrap():
    x = np.random.default_rng(0).gamma(1.0, size=120)
    draws = np.random.default_rng(1).choice(x, size=(20_000, len(x)))
    t = (draws.mean(axis=1) - x.mean()) / draws.std(axis=1, ddof=1)
    expected = x.mean() - np.quantile(t, [0.975, 0.025]) * x.std(ddof=1)
    found = mean_estimate(torch.tensor(x))
    scale = expected[1] - expected[0]
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.03 * scale)
    plain = stats.t.interval(0.95, len(x) - 1, loc=x.mean(), scale=stats.sem(x))
    assert abs(plain[1] - expected[1]) > 0.06 * scale


@pytest.mark.parametrize(("sigma", "least"), [(0.1, 0.93), (0.5, 0.92), (1.0, 0.90)])
def test_mean_of_24_lognormal_values_is_covered(sigma, least):
    draws = (sigma * torch.randn(1500, 24, generator=rng(1))).exp()
    found = [mean_estimate(row) for row in draws]
    truth = float(np.exp(sigma**2 / 2))
    covered = sum(e.low <= truth <= e.high for e in found) / len(found)
    assert least <= covered <= 0.975


@given(st.lists(st.floats(0, 100, width=32), min_size=2, max_size=40))
def test_mean_lies_in_its_interval_and_that_of_distances_is_no_less_than_zero(values):
    value, low, high = mean_estimate(torch.tensor(values))
    assert 0 <= low <= value + 1e-9
    assert value - 1e-9 <= high


def test_one_value_has_no_interval():
    assert mean_estimate(torch.tensor([3.0])) == (3.0, -math.inf, math.inf)


# ---- two numbers -------------------------------------------------------------------------------------------------


def test_difference_of_two_normal_means_has_their_joint_width():
    a, b = Interval(5.0, 5 - 1.96 * 0.3, 5 + 1.96 * 0.3), Interval(3.0, 3 - 1.96 * 0.4, 3 + 1.96 * 0.4)
    assert difference(a, b) == pytest.approx((2, 2 - 1.96 * 0.5, 2 + 1.96 * 0.5))


def test_ratio_is_the_difference_of_logarithms():
    a, b = Interval(6.0, 4.0, 9.0), Interval(2.0, 1.5, 3.0)
    found = ratio(a, b)
    logs = difference(*(Interval(*np.log(e)) for e in (a, b)))
    assert np.log(found) == pytest.approx(logs)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0.0, 0.0, 2.0), (4.0, 2.0, 5.0), (0.0, 0.0, 1.0)),
        ((0.0, 0.0, 2.0), (4.0, 0.0, 5.0), (0.0, 0.0, math.inf)),
        ((4.0, 0.0, 4.0), (2.0, 2.0, 2.0), (2.0, 0.0, 2.0)),
        ((4.0, 4.0, 4.0), (2.0, 0.0, 2.0), (2.0, 2.0, math.inf)),
        ((4.0, -math.inf, 4.0), (2.0, 2.0, math.inf), (2.0, -math.inf, 2.0)),
    ],
)
def test_ratio_with_ends_at_zero_and_open_ends(a, b, expected):
    assert ratio(Interval(*a), Interval(*b)) == pytest.approx(expected)


def test_ratio_to_nothing_is_none():
    assert ratio(Interval(1.0, 0.5, 2.0), Interval(0.0, 0.0, 1.0)) is None


# ---- numbers that belong to pairs of instances -------------------------------------------------------------------


def over_pairs(values: torch.Tensor, ends: torch.Tensor, count: int) -> Interval:
    return Interval(*mean_over_pairs(values, ends, count))


def half_width(estimate: Interval) -> float:
    return (estimate.high - estimate.low) / 2


def test_pair_interval_has_the_width_of_the_theory():
    # h_ij = x_i + x_j over all pairs: its mean is 2 mean(x), whose standard error is 2 sd / sqrt(N).
    x = torch.randn(151, generator=rng(1), dtype=torch.float64)
    ends = round_robin_pairs(151, 151, rng=rng(9))
    h = x[ends].sum(dim=1)
    found = over_pairs(h, ends, 151)
    assert found.value == pytest.approx(2 * float(x.mean()))
    assert half_width(found) == pytest.approx(1.976 * 2 * float(x.std()) / 151**0.5, rel=0.02)
    # To resample the instances at one end only says half of that.
    firsts = torch.stack([h[ends[:, 0] == i].mean() for i in range(151)])
    assert half_width(mean_estimate(firsts)) == pytest.approx(half_width(found) / 2, rel=0.1)


def test_disjoint_pairs_are_independent_numbers():
    ends = torch.arange(400).view(200, 2)
    h = torch.randn(200, generator=rng(1))
    assert half_width(over_pairs(h, ends, 400)) == pytest.approx(1.97 * float(h.std()) / 200**0.5, rel=0.01)


def test_pairs_without_instance_effects_are_independent_numbers():
    ends = round_robin_pairs(60, 20, rng=rng(0))
    widths = [
        half_width(over_pairs(torch.randn(len(ends), generator=rng(s)), ends, 60)) * len(ends) ** 0.5 / 2.0
        for s in range(60)
    ]
    assert sum(widths) / 60 == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("own", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("count", "rounds", "promised"), [(12, 11, 0.90), (40, 5, 0.95), (40, 39, 0.95)])
def test_pair_interval_covers_the_truth(count, rounds, promised, own):
    # A part of each instance's own and a part of each pair's own.
    hits = 0
    for seed in range(200):
        x, ends = torch.randn(count, generator=rng(seed)), round_robin_pairs(count, rounds, rng=rng(seed))
        h = own * x[ends].sum(dim=1) + (1 - own) * torch.randn(len(ends), generator=rng(seed + 999))
        found = over_pairs(h, ends, count)
        hits += found.low <= 0 <= found.high
    assert hits / 200 >= promised - 3 * (promised * (1 - promised) / 200) ** 0.5


def test_every_arrangement_of_the_same_pairs_is_one():
    x, ends = torch.rand(9, generator=rng(0)), round_robin_pairs(9, 4, rng=rng(1))
    h, order = x[ends].prod(dim=1), torch.randperm(len(ends), generator=rng(2))
    assert over_pairs(h, ends, 9) == pytest.approx(over_pairs(h[order], ends[order].flip(1), 9))


@pytest.mark.parametrize("seen", [24, 64])
def test_pair_interval_covers_a_population_with_folded_places(seen):
    # One instance in ten is folded: segments that end there cross many times more often.
    hits, draws, truth = 0, 400, (0.8 + 2 * 5 * 0.1) / 49
    for seed in range(draws):
        g = rng(seed)
        folded, ends = (torch.rand(seen, generator=g) < 0.1).double(), round_robin_pairs(seen, 12, rng=g)
        changes = torch.poisson(0.8 + 5 * folded[ends].sum(dim=1), generator=g)
        found = over_pairs(changes / 49, ends, seen)
        hits += found.low <= truth <= found.high
    assert hits / draws >= 0.90 - 2 * (0.9 * 0.1 / draws) ** 0.5


def test_three_numbers_of_the_same_size_have_no_width():
    assert over_pairs(torch.ones(3), torch.tensor([[0, 1], [1, 2], [0, 2]]), 3) == (1, 1, 1)


@pytest.mark.parametrize(("freedom", "within"), [(1, 1e-9), (2, 1e-9), (3, 5e-3), (5, 2e-3), (30, 1e-6), (1000, 1e-8)])
def test_students_quantile_is_scipys(freedom, within):
    assert student(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=within)


# ---- ratios ------------------------------------------------------------------------------------------------------


def test_ratio_of_two_independent_samples_agrees_with_scipy():
    g = np.random.default_rng(0)
    a, b = g.gamma(3.0, size=80), g.gamma(5.0, size=120)
    expected = stats.bootstrap(
        (a, b),
        lambda v, w, axis: np.median(v, axis=axis) / np.median(w, axis=axis),
        method="percentile",
        n_resamples=10_000,
        rng=1,
    ).confidence_interval
    median = quantiles(0.5)
    drawn = torch.cat([replicates(torch.tensor(v), median, rng=rng(2), resamples=10_000) for v in (a,)], dim=1)
    drawn = torch.cat([drawn, replicates(torch.tensor(b), median, rng=rng(3), resamples=10_000)], dim=1)
    found = ratio_estimate(torch.tensor([np.median(a), np.median(b)]), drawn)
    assert found is not None
    scale = expected.high - expected.low
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.06 * scale)


def test_ratio_to_zero_is_none():
    assert ratio_estimate(torch.tensor([1.0, 0.0]), torch.ones(10, 2).double()) is None
    sometimes = torch.ones(10, 2).double()
    sometimes[3, 1] = 0
    assert ratio_estimate(torch.tensor([1.0, 1.0]), sometimes) is None


def test_paired_rows_stay_together():
    # The second column is twice the first, so the ratio of their means is 1/2 in every resample.
    x = torch.rand(30, generator=rng())
    drawn = replicates(torch.stack([x, 2 * x], dim=1), lambda r: r.mean(dim=1), rng=rng())
    found = ratio_estimate(drawn[0], drawn)
    assert found == pytest.approx((0.5, 0.5, 0.5))


def test_mean_statistic_keeps_a_column():
    assert mean(torch.tensor([[1.0, 2.0, 6.0]])).tolist() == [[3.0]]


@given(st.integers(0, 300), st.integers(1, 50))
def test_systematic_sample_is_spread_evenly(count, limit):
    rows = evenly_spaced(count, limit)
    assert len(rows) == min(count, limit)
    steps = rows.diff()
    assert not len(steps) or int(steps.min()) >= 1
    if count > limit > 1:
        assert rows[0] == 0
        assert rows[-1] == count - 1
        assert int(steps.max() - steps.min()) <= 1


@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 3))
def test_quantiles_of_resamples_are_counted_as_they_would_be_sorted(seed: int, n: int, columns: int) -> None:
    # Few different values, so that ties are met.
    values = torch.randint(7, (n, columns), generator=rng(seed)).double() / 3
    rows = torch.randint(n, (20, n), generator=rng(seed + 1))
    statistic = quantiles(0.0, 0.05, 0.5, 0.77, 1.0)
    torch.testing.assert_close(statistic.drawn(values, rows), statistic(values[rows]), rtol=0, atol=1e-12)
