"""Paired statistics against scipy, closed forms and simulation."""

from __future__ import annotations

import math
import random
from itertools import product
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from auditor.documents.results import Margins
from auditor.policy.common_samples import margin_differences
from auditor.policy.paired import (
    LEAST,
    MOVED,
    RESOLUTION,
    Differences,
    Disagreement,
    _walsh,
    disagreement,
    hodges_lehmann,
    signed_rank,
)


def margins(values: list[float | None], tried: float | None = None, first: int = 0) -> Margins:
    index = list(range(first, first + len(values)))
    return Margins(index=index, l2=values, linf=values, tried_l2=tried, tried_linf=tried, method="m")


def differences(candidate: list[float | None], baseline: list[float | None], tried: float | None = None) -> Differences:
    found = margin_differences(margins(candidate, tried), margins(baseline, tried), "l2")
    assert found is not None
    return found


@pytest.mark.parametrize("n", [5, 12, 24, 64, 65, 400])
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_the_signed_rank_test_is_scipys(n: int, shift: float):
    values = np.random.default_rng(n).normal(shift, 1, n)
    method = "exact" if n <= 64 else "asymptotic"
    assert signed_rank(values) == pytest.approx(stats.wilcoxon(values, method=method).pvalue, rel=1e-6)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=10))
def test_ties_and_zeros_are_counted_out(values: list[int]):
    """Against every assignment of signs: zeros have ranks and no sign."""
    ranks = stats.rankdata(np.abs(values))
    signed = [(rank, value) for rank, value in zip(ranks, values, strict=True) if value]
    total = sum(rank for rank, _ in signed)
    seen = abs(sum(rank for rank, value in signed if value > 0) - total / 2)
    sums = [sum(r for (r, _), plus in zip(signed, signs, strict=True) if plus)
            for signs in product((0, 1), repeat=len(signed))]  # fmt: skip
    extreme = sum(abs(s - total / 2) >= seen - 1e-9 for s in sums) / len(sums)
    assert signed_rank(np.array(values, float)) == pytest.approx(extreme if signed else 1.0)


def test_large_samples_with_ties_follow_pratt():
    values = np.round(np.random.default_rng(1).normal(0.2, 1, 300), 1)
    expected = stats.wilcoxon(values, zero_method="pratt", method="asymptotic").pvalue
    assert signed_rank(values) == pytest.approx(expected, rel=1e-6)


def test_the_typical_difference_is_the_median_of_the_means_of_pairs():
    assert hodges_lehmann(np.array([1.0, 2.0, 10.0])) == 3.75  # 1, 1.5, 2, 5.5, 6, 10


@given(
    st.lists(st.sampled_from([-1.5, 0.0, 0.25, 3.0]) | st.floats(-1e3, 1e3), min_size=80, max_size=150),
    st.floats(0, 1),
    st.integers(0, 30),
)
@settings(max_examples=25)
def test_the_search_finds_what_sorting_all_means_finds(values: list[float], share: float, unknown: int):
    """Means of many values are not all sorted; with ties, and with ends that are open."""
    values[:unknown] = [-math.inf] * unknown
    means = sorted((a + b) / 2 for i, a in enumerate(values) for b in values[i:])
    k = round(share * (len(means) - 1)) + 1
    with mock.patch("auditor.policy.paired.SORTED_WHOLE", 64):
        assert _walsh(values, k) == means[k - 1]


@pytest.mark.parametrize(("n", "rank"), [(12, 14), (24, 82)])
def test_the_interval_inverts_the_test(n: int, rank: int):
    """The k-th smallest and largest mean of two, k from tables of the signed-rank statistic."""
    values = np.random.default_rng(n).normal(0.3, 1, n)
    found = Differences(values, values, values, np.ones(n), np.ones(n)).estimate()
    means = sorted((values[i] + values[j]) / 2 for i in range(n) for j in range(i, n))
    assert (found.low, found.high) == pytest.approx((means[rank - 1], means[-rank]))
    assert signed_rank(values - found.low + 1e-6) <= 0.05 or signed_rank(values - found.low - 1e-6) <= 0.05


@pytest.mark.parametrize(("n", "least"), [(12, 0.93), (24, 0.93), (64, 0.93), (250, 0.93)])
def test_the_interval_covers(n: int, least: float):
    rng, hits, trials = np.random.default_rng(n), 0, 300 if n < 100 else 100
    for _ in range(trials):
        values = rng.normal(0.2, 1, n)
        found = Differences(values, values, values, np.ones(n), np.ones(n)).estimate()
        hits += found.low <= 0.2 <= found.high
    assert hits / trials >= least


def test_intervals_at_many_places_are_wider_and_at_last_open():
    values = np.random.default_rng(0).normal(0, 1, LEAST)
    of = Differences(values, values, values, np.ones(LEAST), np.ones(LEAST))
    one, many = of.estimate(), of.estimate(90)
    assert many.low < one.low < one.high < many.high
    assert math.isfinite(many.low)
    assert of.estimate(1000).low == -math.inf


def test_a_share_of_the_baseline_is_the_factor_for_every_distribution():
    rng = random.Random(0)
    base = [rng.lognormvariate(0, 0.8) for _ in range(50)]
    found = differences([0.9 * v for v in base], list(base)).share()
    assert found is not None
    assert found.value == pytest.approx(-0.1)
    assert found.low < -0.1 < found.high < 0


def test_what_the_search_cannot_tell_apart_counts_as_no_difference():
    base = [1.0] * 20
    near, beyond = 1 + 0.9 * RESOLUTION, 1 + 1.1 * RESOLUTION
    assert set(differences([near] * 20, list(base)).value) == {0.0}
    assert min(differences([beyond] * 20, list(base)).value) > 0


def test_samples_are_matched_by_their_place_in_the_split_whatever_their_order():
    a, b = margins([float(i) for i in range(20)]), margins([float(i) for i in range(20)])
    turned = b.model_copy(update={"index": b.index[::-1], "l2": b.l2[::-1]})
    found = margin_differences(a, turned, "l2")
    assert found is not None
    assert set(found.value) == {0.0}
    assert margin_differences(margins([1.0] * 20), margins([1.0] * 20, first=20 - LEAST + 1), "l2") is None
    shared = margin_differences(margins([1.0] * 20), margins([1.0] * 20, first=20 - LEAST), "l2")
    assert shared is not None
    assert len(shared) == LEAST


def test_margins_that_were_not_found_are_larger_than_what_was_tried():
    found = differences([None, 1.0, None, None, *[1.0] * 12], [1.0, None, None, 9.0, *[1.0] * 12], tried=3.0)
    assert found.value[:4] == [2.0, -2.0, 0.0, 0.0]
    assert found.low[:4] == [2.0, -math.inf, -math.inf, -6.0]
    assert found.high[:4] == [math.inf, -2.0, math.inf, math.inf]


def test_an_end_that_lies_among_margins_not_found_is_open():
    lost = differences([None] * 20 + [1.0] * 4, [1.0] * 24, tried=2.0).estimate()
    assert (lost.value, lost.low, lost.high) == (1.0, 0.5, math.inf)
    gained = differences([1.0] * 24, [None] * 20 + [1.0] * 4, tried=2.0).estimate()
    assert (gained.value, gained.low, gained.high) == (-1.0, -math.inf, -0.5)


def test_samples_that_moved_are_counted_on_their_side():
    base = [1.0] * 20
    now = [1 - 1.5 * MOVED] * 3 + [1 - 0.5 * MOVED] * 4 + [1 + 1.5 * MOVED] * 5 + [1.0] * 8
    found = differences(list(now), list(base))
    assert (found.closer, found.farther) == (3, 5)


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemars_test_is_the_binomial_test(only: int, other: int):
    expected = stats.binomtest(only, only + other).pvalue if only + other else 1.0
    assert Disagreement(only, other, 100, 200).p == pytest.approx(expected)


def test_mcnemars_test_holds_for_more_disagreements_than_floats_can_count() -> None:
    for only, other in ((600, 550), (0, 5000), (4100, 3900)):
        expected = stats.binomtest(only, only + other).pvalue
        assert Disagreement(only, other, 100, 10_000).p == pytest.approx(expected, rel=1e-9)


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
