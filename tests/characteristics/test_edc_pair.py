"""The pooled accuracy against counting by hand."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from auditor.characteristics.edc_pair import ID, PairEmbeddingComplexity
from auditor.documents.results import Measure, NotMeasured
from auditor.numbers.intervals import wilson


def accuracy(right: int, n: int) -> Measure:
    value, low, high = wilson(right, n)
    return Measure(value=value, ci_low=low, ci_high=high, n=n, unit="share", scale="share")


def test_it_counts_both_directions_together() -> None:
    forth, back = {"edc_boundary_accuracy": accuracy(3, 40)}, {"edc_boundary_accuracy": accuracy(55, 60)}
    measured = PairEmbeddingComplexity().compare(forth, back)[ID]
    by_hand = binomtest(58, 100).proportion_ci(method="wilson")
    assert isinstance(measured, Measure)
    assert (measured.value, measured.n) == (0.58, 100)
    # Two directions as unlike as these know their own shares better than one sample of both.
    assert (measured.ci_low, measured.ci_high) == pytest.approx((by_hand.low, by_hand.high))


def test_it_allows_for_what_the_directions_allow_for() -> None:
    forth = accuracy(3, 40).model_copy(update={"ci_high": 0.375})
    back = accuracy(55, 60).model_copy(update={"ci_low": 0.5})
    measured = PairEmbeddingComplexity().compare({"edc_boundary_accuracy": forth}, {"edc_boundary_accuracy": back})[ID]
    assert isinstance(measured, Measure)
    assert measured.ci_high == pytest.approx(0.58 + (0.4**2 * 0.3**2 + 0.6**2 * (back.high - 55 / 60) ** 2) ** 0.5)
    assert measured.ci_low == pytest.approx(0.58 - (0.4**2 * (3 / 40 - forth.low) ** 2 + 0.25**2) ** 0.5)


def test_one_direction_alone_is_not_enough() -> None:
    forth, back = {"edc_boundary_accuracy": accuracy(3, 40)}, {"edc_boundary_accuracy": NotMeasured(not_measured="x")}
    assert isinstance(PairEmbeddingComplexity().compare(forth, back)[ID], NotMeasured)
