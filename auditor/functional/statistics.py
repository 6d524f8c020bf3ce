"""Intervals: Wilson's for shares, a closed form for means over pairs, the percentile bootstrap for everything else.

    theta*_b = statistic of N rows drawn with replacement,   b = 1 .. R
    95 % interval = the 2.5 % and 97.5 % quantiles of theta*

Resamples are drawn many at a time from an explicit generator; memory is bounded by ``CELLS`` numbers. Quantiles of one
column need no resamples, see ``quantiles`` and ``order_statistics``.
Sources: Efron and Tibshirani, An Introduction to the Bootstrap, 1993; Wilson, JASA 22, 1927; Aronow, Samii and
Assenova, Cluster-robust variance estimation for dyadic data, arXiv 1312.3398 (``mean_over_pairs``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import torch
from torch import Tensor

from auditor.functional.order_statistics import resampled

LEVEL = 0.95
RESAMPLES = 1000
CELLS = 2**21
"""Numbers held at once while resampling (16 MiB of float64)."""

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
    if isinstance(statistic, Quantiles) and values.dim() == 1:
        return statistic.replicates(values, resamples, rng=rng)
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


def bootstrap_mean(values: Tensor, *, rng: torch.Generator, resamples: int = RESAMPLES) -> Estimate:
    """The mean of ``(N,)`` values with its interval."""
    return bootstrap(values, mean, rng=rng, resamples=resamples)[0]


def mean_over_pairs(values: Tensor, ends: Tensor, count: int, *, level: float = LEVEL) -> Estimate:
    """The mean of numbers that each belong to two of ``count`` instances, with its interval.

        variance = N / (N - 1) * (sum_i S_i^2 - sum_p r_p^2) / P^2,   S_i = sum of r_p over the pairs p that hold i

    r_p is the number less the mean. Two numbers that share an instance depend on each other, through either end; S_i
    counts that once for each end, and each pair with itself once too often. The variance is never taken to be below
    that of P independent numbers. An interval that allows for one end only is too narrow by up to one half. Among a
    dozen instances this one covers the truth nine times in ten rather than nineteen in twenty.

    Args:
        values: ``(P,)``.
        ends (int64): ``(P, 2)``, both instances of each, in [0, count), not the same.
        count: N >= 2.
    Returns:
        the mean with Student's interval on N - 1 degrees of freedom.
    """
    middle, r = values.double().mean(), values.double() - values.double().mean()
    alone = r.square().sum()
    sums = torch.zeros(count, dtype=torch.float64).index_add_(0, ends.flatten(), r.repeat_interleave(2))
    variance = torch.maximum(sums.square().sum() - alone, alone) / len(r) ** 2 * count / (count - 1)
    half = _student((1 + level) / 2, count - 1) * float(variance.sqrt())
    return Estimate(float(middle), float(middle) - half, float(middle) + half)


def ratio_estimate(value: Tensor, drawn: Tensor) -> Estimate | None:
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

    def replicates(self, values: Tensor, resamples: int, *, rng: torch.Generator) -> Tensor:
        """The quantiles of ``(resamples, N)`` draws from ``(N,)`` values, of which only what they need is drawn."""
        place = torch.tensor(self.levels, dtype=torch.float64) * (len(values) - 1)
        ranks, column = torch.stack([place.floor(), place.ceil()]).long().unique(return_inverse=True)
        at = resampled(values.sort().values, ranks.tolist(), resamples, rng=rng)
        return torch.lerp(at[:, column[0]], at[:, column[1]], place.frac())

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


def _student(probability: float, freedom: int) -> float:
    """Quantile of Student's t by its expansion in 1 / freedom (Abramowitz and Stegun 26.7.5)."""
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom ** (order + 1) for order, term in enumerate(terms))


def _chunks(total: int, cells_each: int) -> Sequence[int]:
    """Sizes that add up to ``total``, each small enough for ``CELLS``."""
    size = max(1, min(total, CELLS // max(1, cells_each)))
    return [min(size, total - start) for start in range(0, total, size)]
