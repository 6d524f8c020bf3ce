"""Intervals from samples: closed forms for means, the bootstrap for the rest.

    theta*_b = statistic of N rows drawn with replacement,   b = 1 .. R
    95 % interval = the 2.5 % and 97.5 % quantiles of theta*

Resamples are drawn many at a time from an explicit generator; memory is bounded by ``CELLS`` numbers. Quantiles of one
column have a closed form as well, see the module ``quantiles``. What each interval covers in simulations stands in
``benchmarks/coverage.md``.
Sources: Efron and Tibshirani, An Introduction to the Bootstrap, 1993; Aronow, Samii and Assenova, Cluster-robust
variance estimation for dyadic data, arXiv 1312.3398 (``mean_over_pairs``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from auditor.numbers.intervals import LEVEL, Interval, student

RESAMPLES = 1000
CELLS = 2**21
"""Numbers held at once while resampling (16 MiB of float64)."""

LEAST_FOR_RARE = 59
"""From so many instances on, a kind that one in twenty is of shows in the sample in 95 % of cases: 0.95^59 = 4.8 %.
Where a rare kind decides a mean, as folded places do for IDC, fewer say nothing about how large the mean may be."""

Statistic = Callable[[Tensor], Tensor]
"""Maps resamples, float64 ``(B, N, *row)``, to float64 ``(B, K)``: K numbers for each resample."""


def replicates(values: Tensor, statistic: Statistic, *, rng: torch.Generator, resamples: int = RESAMPLES) -> Tensor:
    """The statistic on resamples of the rows, drawn with replacement.

    Args:
        values: ``(N, *row)``, N >= 1; a row is resampled whole, so paired numbers stay together.
        statistic: ``(B, N, *row)`` to ``(B, K)``.
        rng: CPU generator.
    Returns:
        float64 ``(resamples, K)``.
    """
    values, n = values.double(), len(values)
    parts = []
    for size in _chunks(resamples, values.numel()):
        rows = torch.randint(n, (size, n), generator=rng)
        parts.append(
            statistic.drawn(values, rows) if isinstance(statistic, Quantiles) else statistic(_at(values, rows))
        )
    return torch.cat(parts)


def percentile_estimates(value: Tensor, drawn: Tensor, *, level: float = LEVEL) -> list[Interval]:
    """Numbers with percentile intervals, widened where needed to contain the estimate itself.

    Args:
        value: ``(K,)``, the statistic on the sample.
        drawn: float64 ``(R, K)``, the statistic on its resamples.
    """
    tails = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = torch.quantile(drawn, tails, dim=0)
    value = value.double()
    low, high = torch.minimum(low, value), torch.maximum(high, value)
    return [Interval(*row) for row in torch.stack([value, low, high], dim=1).tolist()]


def bootstrap(
    values: Tensor, statistic: Statistic, *, rng: torch.Generator, resamples: int = RESAMPLES
) -> list[Interval]:
    """K numbers of a sample with percentile bootstrap intervals; arguments as in ``replicates``."""
    drawn = replicates(values, statistic, rng=rng, resamples=resamples)
    return percentile_estimates(statistic(values.double()[None])[0], drawn)


def mean_estimate(values: Tensor) -> Interval:
    """The mean with Student's interval, corrected for skewness.

        theta = mean - sd * 3/g * ((1 + g (y - g / 6N))^(1/3) - 1),   y = -+ t / sqrt(N)

    g is the sample's skewness. In a skewed sample the mean and its standard deviation are off together, which
    Student's interval does not know: of 24 lognormal values it covers the mean in 87 of 100 samples, this one in 92.
    It stays within what all values are: that of numbers >= 0 does not reach below 0.

    Args:
        values: ``(N,)``, N >= 1; a single one has no interval.
    Source: Hall, On the removal of skewness by transformation, J. R. Statist. Soc. B 54, 1992.

    >>> "{:.2f} [{:.2f}, {:.2f}]".format(*mean_estimate(torch.tensor([1.0, 2.0, 3.0, 10.0])))
    '4.00 [0.00, 26.51]'
    """
    n = len(values)
    middle = float(values.double().mean())
    if n == 1:
        return Interval(middle)
    rest = values.double() - middle
    variance = float(rest.square().mean())
    skewness = float((rest**3).mean()) / variance**1.5 if variance > 0 else 0.0
    below, above = _skewed(middle, (variance * n / (n - 1)) ** 0.5, skewness, n)
    return Interval(middle, max(below, 0.0) if float(values.min()) >= 0 else below, above)


def mean_over_pairs(values: Tensor, ends: Tensor, count: int) -> tuple[float, float, float]:
    """The mean of numbers that each belong to two of ``count`` instances, with its interval.

        variance = N / (N - 1) * (sum_i S_i^2 - sum_p r_p^2) / P^2,   S_i = sum of r_p over the pairs p that hold i

    r_p is the number less the mean. Two numbers that share an instance depend on each other, through either end; S_i
    counts that once for each end, and each pair with itself once too often. The variance is never taken to be below
    that of P independent numbers. An interval that allows for one end only is too narrow by up to one half. The
    skewness of the mean, sum_i S_i^3 / P^3 over the cube of its standard deviation, bends it as in ``mean_estimate``:
    few instances with large numbers are what IDC has. What an instance that is not in the sample would have said no
    interval knows, see ``LEAST_FOR_RARE``.

    Args:
        values: ``(P,)``.
        ends (int64): ``(P, 2)``, both instances of each, in [0, count), not the same.
        count: N >= 2.
    Returns:
        the mean and both ends of its interval on N - 1 degrees of freedom.
    """
    middle, r = float(values.double().mean()), values.double() - values.double().mean()
    alone = r.square().sum()
    sums = torch.zeros(count, dtype=torch.float64).index_add_(0, ends.flatten(), r.repeat_interleave(2))
    variance = float(torch.maximum(sums.square().sum() - alone, alone)) / len(r) ** 2 * count / (count - 1)
    skewness = count**0.5 * float(sums.pow(3).sum()) / len(r) ** 3 / variance**1.5 if variance > 0 else 0.0
    return middle, *_skewed(middle, (variance * count) ** 0.5, skewness, count)


def ratio_estimate(value: Tensor, drawn: Tensor) -> Interval | None:
    """Numerator over denominator with a percentile interval, None where it is not finite (denominators of zero).

    Args:
        value: ``(2,)``, numerator and denominator of the sample, both >= 0.
        drawn: float64 ``(R, 2)``, the same of its resamples.
    """
    if value[1] == 0 or not (ratios := drawn[:, 0] / drawn[:, 1]).isfinite().all():
        return None
    return percentile_estimates(value[:1] / value[1:], ratios[:, None])[0]


def mean(resamples: Tensor) -> Tensor:
    """Statistic: the mean, ``(B, N)`` to ``(B, 1)``."""
    return resamples.mean(dim=1, keepdim=True)


@dataclass(frozen=True)
class Quantiles:
    """Statistic: quantiles at these levels with linear interpolation, ``(B, N)`` or ``(B, N, K)`` to ``(B, K * L)``.

    Args:
        levels: L numbers in [0, 1].
    """

    levels: tuple[float, ...]

    def __call__(self, resamples: Tensor) -> Tensor:
        """The quantiles of each resample, column by column."""
        at = torch.tensor(self.levels, dtype=torch.float64)
        return torch.quantile(resamples, at, dim=1).movedim(0, -1).flatten(1)

    def drawn(self, values: Tensor, rows: Tensor) -> Tensor:
        """The same of ``values[rows]`` without sorting a resample: counting how often each rank was drawn is enough.

        Args:
            values: float64 ``(N,)`` or ``(N, K)``.
            rows: int64 ``(B, N)`` in [0, N).
        """
        columns, n = values.view(len(values), -1), len(values)
        ordered, order = columns.sort(dim=0)
        found = []
        for rank, column in zip(order.argsort(dim=0).T, ordered.T, strict=True):
            ones = torch.ones(rows.shape, dtype=torch.int32)
            below = torch.zeros(rows.shape, dtype=torch.int32).scatter_add_(1, _at(rank, rows), ones).cumsum(dim=1)
            place = torch.tensor(self.levels, dtype=torch.float64) * (n - 1)
            ends = torch.stack([place.floor(), place.ceil()]).to(below.dtype).flatten().expand(len(rows), -1)
            at = column[torch.searchsorted(below, ends.contiguous(), right=True)].unflatten(1, (2, -1))
            found.append(torch.lerp(at[:, 0], at[:, 1], place.frac()))
        return torch.cat(found, dim=1)


def quantiles(*levels: float) -> Quantiles:
    """The statistic of these quantiles."""
    return Quantiles(levels)


def evenly_spaced(count: int, limit: int) -> Tensor:
    """Systematic sample: ``min(count, limit)`` evenly spaced indices out of ``count``, int64, without chance.

    >>> evenly_spaced(10, 4)
    tensor([0, 3, 6, 9])
    """
    if count <= limit:
        return torch.arange(count)
    return torch.linspace(0, count - 1, limit, dtype=torch.float64).round().long()


def _at(values: Tensor, rows: Tensor) -> Tensor:
    """``values[rows]`` by the faster of torch's two ways on a CPU."""
    return values.index_select(0, rows.flatten()).view(*rows.shape, *values.shape[1:])


def _skewed(middle: float, deviation: float, skewness: float, count: int) -> tuple[float, float]:
    """Both ends about the mean of ``count`` numbers of this standard deviation and skewness, by Hall's cubic."""

    def unskewed(y: float) -> float:
        if abs(skewness) < 1e-6:
            return y
        cube = 1 + skewness * (y - skewness / (6 * count))
        return 3 / skewness * (math.copysign(abs(cube) ** (1 / 3), cube) - 1)

    reach = student((1 + LEVEL) / 2, count - 1) / count**0.5
    return middle - deviation * unskewed(reach), middle - deviation * unskewed(-reach)


def _chunks(total: int, cells_each: int) -> Sequence[int]:
    """Sizes that add up to ``total``, each small enough for ``CELLS``."""
    size = max(1, min(total, CELLS // max(1, cells_each)))
    return [min(size, total - start) for start in range(0, total, size)]
