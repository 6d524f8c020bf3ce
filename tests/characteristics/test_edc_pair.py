"""The pooled accuracy against counting by hand."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from auditor.characteristics.edc_pair import ID, PairEmbeddingComplexity
from auditor.results import Measure, NotMeasured


def accuracy(right: int, n: int) -> Measure:
    return Measure(value=right / n, ci_low=0, ci_high=1, n=n, unit="share", direction="")


def test_it_counts_both_directions_together() -> None:
    forth, back = {"edc_boundary_accuracy": accuracy(3, 40)}, {"edc_boundary_accuracy": accuracy(55, 60)}
    measured = PairEmbeddingComplexity().compare(forth, back)[ID]
    by_hand = binomtest(58, 100).proportion_ci(method="wilson")
    assert isinstance(measured, Measure)
    assert (measured.value, measured.n) == (0.58, 100)
    assert (measured.ci_low, measured.ci_high) == pytest.approx((by_hand.low, by_hand.high))


def test_one_direction_alone_is_not_enough() -> None:
    forth, back = {"edc_boundary_accuracy": accuracy(3, 40)}, {"edc_boundary_accuracy": NotMeasured(not_measured="x")}
    assert isinstance(PairEmbeddingComplexity().compare(forth, back)[ID], NotMeasured)
