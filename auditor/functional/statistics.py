"""Intervals: Wilson's for shares, closed forms for means and for two numbers together, the bootstrap for the rest.

    theta*_b = statistic of N rows drawn with replacement,   b = 1 .. R
    95 % interval = the 2.5 % and 97.5 % quantiles of theta*

Resamples are drawn many at a time from an explicit generator; memory is bounded by ``CELLS`` numbers. Quantiles of one
column have a closed form as well, see the module ``quantiles``. What each interval covers in simulations stands in
``benchmarks/coverage.md``.
Sources: Efron and Tibshirani, An Introduction to the Bootstrap, 1993; Wilson, JASA 22, 1927; Aronow, Samii and
Assenova, Cluster-robust variance estimation for dyadic data, arXiv 1312.3398 (``mean_over_pairs``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import torch
from torch import Tensor

LEVEL = 0.95
RESAMPLES = 1000
CELLS = 2**21
"""Numbers held at once while resampling (16 MiB of float64)."""

LEAST_FOR_RARE = 59
"""From so many instances on, a kind that one in twenty is of shows in the sample in 95 % of cases: 0.95^59 = 4.8 %.
Where a rare kind decides a mean, as folded places do for IDC, fewer say nothing about how large the mean may be."""

Statistic = Callable[[Tensor], Tensor]
"""Maps resamples, float64 ``(B, N, *row)``, to float64 ``(B, K)``: K numbers for each resample."""


class Estimate(NamedTuple):
    """A number and the two ends of its 95 % interval; an end that is None is open, both None: there is no interval."""

    value: float
    low: float | None
    high: float | None


def wilson(successes: int, trials: int, *, level: float = LEVEL) -> Estimate:
    """A share with Wilson's score interval.

        (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)

    Args:
        successes, trials: 0 <= successes <= trials, trials >= 1.
    Returns:
        the share and its interval, all in [0, 1].

    >>> "{:.3f} [{:.3f}, {:.3f}]".format(*wilson(399, 400))
    '0.998 [0.986, 1.000]'
    """
    assert 0 <= successes <= trials > 0, (successes, trials)
    z = NormalDist().inv_cdf((1 + level) / 2)
    p, shrink = successes / trials, z * z / trials
    centre = (p + shrink / 2) / (1 + shrink)
    half = z * (p * (1 - p) / trials + shrink / (4 * trials)) ** 0.5 / (1 + shrink)
    # Both are exact in theory and one rounding error off in floating point.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return Estimate(p, low, high)


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


def percentile_estimates(value: Tensor, drawn: Tensor, *, level: float = LEVEL) -> list[Estimate]:
    """Estimates with percentile intervals, widened where needed to contain the estimate itself.

    Args:
        value: ``(K,)``, the statistic on the sample.
        drawn: float64 ``(R, K)``, the statistic on its resamples.
    """
    tails = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = torch.quantile(drawn, tails, dim=0)
    value = value.double()
    low, high = torch.minimum(low, value), torch.maximum(high, value)
    return [Estimate(*row) for row in torch.stack([value, low, high], dim=1).tolist()]


def bootstrap(
    values: Tensor, statistic: Statistic, *, rng: torch.Generator, resamples: int = RESAMPLES
) -> list[Estimate]:
    """K numbers of a sample with percentile bootstrap intervals; arguments as in ``replicates``."""
    drawn = replicates(values, statistic, rng=rng, resamples=resamples)
    return percentile_estimates(statistic(values.double()[None])[0], drawn)


def mean_estimate(values: Tensor) -> Estimate:
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
        return Estimate(middle, None, None)
    rest = values.double() - middle
    variance = float(rest.square().mean())
    skewness = float((rest**3).mean()) / variance**1.5 if variance > 0 else 0.0
    below, above = _skewed(middle, (variance * n / (n - 1)) ** 0.5, skewness, n)
    return Estimate(middle, max(below, 0.0) if float(values.min()) >= 0 else below, above)


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


def ratio_estimate(value: Tensor, drawn: Tensor) -> Estimate | None:
    """Numerator over denominator with a percentile interval, None where it is not finite (denominators of zero).

    Args:
        value: ``(2,)``, numerator and denominator of the sample, both >= 0.
        drawn: float64 ``(R, 2)``, the same of its resamples.
    """
    if value[1] == 0 or not (ratios := drawn[:, 0] / drawn[:, 1]).isfinite().all():
        return None
    return percentile_estimates(value[:1] / value[1:], ratios[:, None])[0]


def difference(a: Estimate, b: Estimate) -> Estimate:
    """``a - b`` of two independent numbers: the squares of the distances from a value to the ends add up.

    Source: Zou and Donner, Statistics in Medicine 27, 2008.

    >>> difference(Estimate(5.0, 2.0, None), Estimate(3.0, 3.0, 7.0))
    Estimate(value=2.0, low=-3.0, high=None)
    """
    value = a.value - b.value
    below, above = _together(_below(a), _above(b)), _together(_above(a), _below(b))
    return Estimate(value, None if below is None else value - below, None if above is None else value + above)


def ratio(a: Estimate, b: Estimate) -> Estimate | None:
    """``a / b`` of two independent numbers >= 0, as the difference of their logarithms; None where b is 0.

    >>> ratio(Estimate(4.0, 2.0, None), Estimate(2.0, 2.0, 2.0))
    Estimate(value=2.0, low=1.0, high=None)
    """
    if b.value == 0:
        return None
    value = a.value / b.value
    if a.value == 0:  # its logarithm has no ends; those of a over the least of b are at least as far out
        return Estimate(0.0, 0.0, None if a.high is None or not b.low else a.high / b.low)
    logs = difference(*(Estimate(math.log(e.value), _log(e.low), _log(e.high)) for e in (a, b)))
    # An end at 0 is infinitely far on this scale: the ratio reaches down to 0, or up without end.
    low = None if logs.low is None else math.exp(logs.low)
    return Estimate(value, low, None if logs.high in (None, math.inf) else math.exp(logs.high))


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


def systematic(count: int, limit: int) -> Tensor:
    """Systematic sample: ``min(count, limit)`` evenly spaced indices out of ``count``, int64, without chance.

    >>> systematic(10, 4)
    tensor([0, 3, 6, 9])
    """
    if count <= limit:
        return torch.arange(count)
    return torch.linspace(0, count - 1, limit, dtype=torch.float64).round().long()


def _at(values: Tensor, rows: Tensor) -> Tensor:
    """``values[rows]`` by the faster of torch's two ways on a CPU."""
    return values.index_select(0, rows.flatten()).view(*rows.shape, *values.shape[1:])


def student(probability: float, freedom: int) -> float:
    """Quantile of Student's t: exact for 1 and 2 degrees of freedom, else by its expansion in 1 / freedom.

    The expansion is Abramowitz and Stegun 26.7.5.
    """
    if freedom == 1:
        return math.tan(math.pi * (probability - 0.5))
    if freedom == 2:
        return (2 * probability - 1) / math.sqrt(2 * probability * (1 - probability))
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / freedom ** (order + 1) for order, term in enumerate(terms))


def _skewed(middle: float, deviation: float, skewness: float, count: int) -> tuple[float, float]:
    """Both ends about the mean of ``count`` numbers of this standard deviation and skewness, by Hall's cubic."""

    def unskewed(y: float) -> float:
        if abs(skewness) < 1e-6:
            return y
        cube = 1 + skewness * (y - skewness / (6 * count))
        return 3 / skewness * (math.copysign(abs(cube) ** (1 / 3), cube) - 1)

    reach = student((1 + LEVEL) / 2, count - 1) / count**0.5
    return middle - deviation * unskewed(reach), middle - deviation * unskewed(-reach)


def _below(estimate: Estimate) -> float | None:
    """How far the lower end lies below the value."""
    return None if estimate.low is None else estimate.value - estimate.low


def _above(estimate: Estimate) -> float | None:
    """How far the upper end lies above the value."""
    return None if estimate.high is None else estimate.high - estimate.value


def _together(one: float | None, other: float | None) -> float | None:
    """Root of the sum of both squares; open where either is."""
    return None if one is None or other is None else math.hypot(one, other)


def _log(end: float | None) -> float | None:
    return None if end is None else math.log(end) if end > 0 else -math.inf


def _chunks(total: int, cells_each: int) -> Sequence[int]:
    """Sizes that add up to ``total``, each small enough for ``CELLS``."""
    size = max(1, min(total, CELLS // max(1, cells_each)))
    return [min(size, total - start) for start in range(0, total, size)]
