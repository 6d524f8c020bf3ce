"""Quantiles with intervals from the order statistics of the sample: no assumption on the distribution, no resamples.

The number of N independent values below their p-quantile is binomial, so the r-th smallest value lies

    above the quantile with probability  P(Bin(N, p) < r),   below it with probability  P(Bin(N, p) >= r)

whatever the distribution. An end of the interval is interpolated between the two neighbouring order statistics whose
probabilities enclose (1 - level) / 2. Where even the least (greatest) value is not far enough out, the end is open: no
interval that stays inside the sample can be right often enough.

Values may be infinite: farther than was looked (censored). They count as larger than every finite one.
Sources: Nyblom, Note on interpolated order statistics, Statistics and Probability Letters 14, 1992 (for the median it
is Hettmansperger and Sheather's, the same journal 4, 1986).
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from auditor.numbers.intervals import LEVEL, Interval, difference, ratio


def quantile_estimate(values: Tensor, level: float, *, alike: float = 1.0) -> Interval | None:
    """A quantile, linearly interpolated, with its interval from order statistics.

    Args:
        values: ``(N,)``, N >= 1, finite or infinity.
        level: p in (0, 1).
        alike: how many of them say as much as one independent value.
    Returns:
        None where the quantile itself is censored; an end is open where there are too few values, or it is censored.

    >>> "{:.1f} [{:.2f}, {:.2f}]".format(*quantile_estimate(torch.arange(9.0), 0.5))
    '4.0 [1.23, 6.77]'
    >>> quantile_estimate(torch.arange(9.0), 0.75).high
    inf
    """
    ordered = values.double().sort().values.tolist()
    value = _between(ordered, level * (len(ordered) - 1))
    if value == math.inf:
        return None
    from_below, from_above = (_place(len(ordered), side, alike) for side in (level, 1 - level))
    low = -math.inf if from_below is None else min(value, _between(ordered, from_below))
    high = math.inf if from_above is None else max(value, _between(ordered, len(ordered) - 1 - from_above))
    return Interval(value, low, high)


def median_difference(a: Tensor, b: Tensor) -> Interval | None:
    """The median of one sample less that of an independent one, whatever their shapes; None where one is censored.

    Args:
        a, b: ``(N,)`` and ``(M,)``, as in ``quantile_estimate``.
    """
    of_a, of_b = quantile_estimate(a, 0.5), quantile_estimate(b, 0.5)
    return None if of_a is None or of_b is None else difference(of_a, of_b)


def median_ratio(a: Tensor, b: Tensor) -> Interval | None:
    """The median of one sample over that of an independent one, both >= 0; None where one is censored or b's is 0."""
    of_a, of_b = quantile_estimate(a, 0.5), quantile_estimate(b, 0.5)
    return None if of_a is None or of_b is None else ratio(of_a, of_b)


def median_of_neighbours(distances: Tensor, nearest: Tensor) -> Interval:
    """The median distance to the nearest other instance, with its interval.

    Two instances that are each other's nearest have the same distance, and those that are nearest to the same third
    one have it in part in common. A value is as good as the 1 / (1 + m + s / 4) of an independent one, where m is the
    share of instances with the former and s the mean number of others that an instance shares its nearest with; the
    4 is what coverage on Gaussian clouds and digits asks for (``python -m benchmarks.coverage populations``).

    Args:
        distances: ``(N,)``, finite.
        nearest (int64): ``(N,)``, which other instance it is.
    """
    n = len(nearest)
    sharing = nearest.bincount(minlength=n).double()
    others = float((sharing * (sharing - 1)).sum()) / n
    estimate = quantile_estimate(distances, 0.5, alike=1 + mutual(nearest) + others / 4)
    assert estimate is not None
    return estimate


def mutual(nearest: Tensor) -> float:
    """The share of instances that are the nearest of their nearest; ``nearest`` as in ``median_of_neighbours``."""
    return float((nearest[nearest] == torch.arange(len(nearest))).double().mean())


def _place(count: int, level: float, alike: float) -> float | None:
    """The place of the lower end among ``count`` values that are worth ``count / alike`` independent ones."""
    worth = max(1, round(count / alike))
    place = _end(worth, level, (1 - LEVEL) / 2)
    return None if place is None else (place + 1) / (worth + 1) * (count + 1) - 1


@lru_cache(maxsize=1024)
def _end(count: int, level: float, tail: float) -> float | None:
    """The place of the lower end among the ordered values, from 0 and interpolated, or None where it is open.

    The upper end of the p-quantile is the lower end of the (1 - p)-quantile, counted from the largest value.
    """
    # above[r] is the probability that the (r + 1)-th smallest value lies above the quantile.
    above = _binomial(count, level).cumsum(dim=0)[:count]
    rank = int((above <= tail).sum())
    if rank == 0:
        return None
    if rank == count:
        return float(count - 1)
    within, beyond = float(above[rank - 1]), float(above[rank])
    toward, away = (count - rank) * level * (tail - within), rank * (1 - level) * (beyond - tail)
    return rank - 1 + toward / (toward + away)


def _binomial(count: int, share: float) -> Tensor:
    """P(Bin(count, share) = k) for k = 0 .. count, float64."""
    k = torch.arange(count + 1, dtype=torch.float64)
    choose = math.lgamma(count + 1) - torch.lgamma(k + 1) - torch.lgamma(count - k + 1)
    return (choose + k * math.log(share) + (count - k) * math.log1p(-share)).exp()


def _between(ordered: list[float], place: float) -> float:
    """The value at a place between two ordered ones; one that lies on a value takes nothing of its neighbour."""
    below = min(max(math.floor(place + 1e-9), 0), len(ordered) - 1)
    part = place - below
    if part < 1e-9 or ordered[below] == ordered[below + 1]:
        return ordered[below]
    return ordered[below] + part * (ordered[below + 1] - ordered[below])
