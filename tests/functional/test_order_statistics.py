"""Order statistics of resamples against their closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from auditor.functional.order_statistics import resampled


@pytest.mark.parametrize(("n", "ranks"), [(400, [19, 199, 200, 379]), (64, [3, 31, 32]), (5, [0, 2, 4]), (1, [0])])
def test_each_has_the_distribution_of_the_bootstrap(n: int, ranks: list[int]) -> None:
    count = 100_000
    found = resampled(torch.arange(n).double(), ranks, count, rng=torch.Generator().manual_seed(1))
    for rank, column in zip(ranks, found.T, strict=True):
        # The (r + 1)-th smallest is at most x_(j) where at least r + 1 of n draws are.
        at_most = stats.binom.sf(rank, n, np.arange(1, n + 1) / n)
        share = column.long().bincount(minlength=n).cumsum(0).numpy() / count
        assert np.abs(share - at_most).max() < 1.95 / count**0.5  # Kolmogorov, once in a thousand


def test_those_of_one_resample_are_in_order() -> None:
    found = resampled(torch.rand(9).sort().values, [0, 3, 4, 8], 500, rng=torch.Generator().manual_seed(0))
    assert bool((found.diff(dim=1) >= 0).all())
