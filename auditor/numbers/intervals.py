"""Intervals and tests for a gate: simultaneous intervals, differences, means over pairs, counts, Holm's correction.

All from the 95 % intervals that results.json holds, in plain numbers.
Sources: Zou and Donner, Statistics in Medicine 27, 2008 (differences: the squares of the distances from a value to the
ends of its interval add up); Holm, Scandinavian Journal of Statistics 6, 1979; Fisher's exact test for two shares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from statistics import NormalDist
from typing import NamedTuple

LEVEL = 0.95
Classes = tuple[int, ...]


class Interval(NamedTuple):
    """A number and the two ends of its interval."""

    value: float
    low: float
    high: float


def z_for(count: int = 1, alpha: float = 1 - LEVEL) -> float:
    """Half-width in standard deviations so that ``count`` intervals hold at once with 95 % (Bonferroni).

    >>> round(z_for(), 2), round(z_for(90), 2)
    (1.96, 3.45)
    """
    return NormalDist().inv_cdf(1 - alpha / (2 * count))


def simultaneous(interval: Interval, count: int) -> Interval:
    """A 95 % interval widened so that it and ``count - 1`` others hold at once with 95 %."""
    stretch = z_for(count) / z_for()
    value, low, high = interval
    return Interval(value, value - stretch * (value - low), value + stretch * (high - value))


def difference(a: Interval, b: Interval) -> Interval:
    """``a - b`` of two independent numbers from the interval of each.

    >>> difference(Interval(5, 4, 6), Interval(3, 3, 3))
    Interval(value=2, low=1.0, high=3.0)
    """
    value = a.value - b.value
    return Interval(
        value,
        value - math.hypot(a.value - a.low, b.high - b.value),
        value + math.hypot(a.high - a.value, b.value - b.low),
    )


def mean_of(intervals: Mapping[Classes, Interval]) -> Interval:
    """The mean of numbers measured with independent errors, one for each direction or pair.

    The interval says what other samples and seeds would change, not how much the pairs differ.
    """
    values = intervals.values()
    mean = math.fsum(i.value for i in values) / len(values)
    below = math.hypot(*(i.value - i.low for i in values)) / len(values)
    above = math.hypot(*(i.high - i.value for i in values)) / len(values)
    return Interval(mean, mean - below, mean + above)


def deviation(interval: Interval) -> float:
    """Standard deviation behind a 95 % interval, by its longer side: that of a bootstrapped median may have none.

    An open end says nothing; where both are open the deviation is infinite.
    """
    sides = (interval.value - interval.low, interval.high - interval.value)
    return max((side for side in sides if side < math.inf), default=math.inf) / z_for()


def p_value(interval: Interval, spread: float = 1.0) -> float:
    """Two-sided p of "the number is zero", from its interval stretched by ``spread``; 1 where it is exactly zero.

    Where the side towards zero is open, nothing is known about zero, and p is 1.

    >>> round(p_value(Interval(1.96, 0.0, 3.92)), 2)
    0.05
    """
    value, low, high = interval
    if value == 0 or (value > 0 and low == -math.inf) or (value < 0 and high == math.inf):
        return 1.0
    sd = deviation(interval)
    return 2 * NormalDist().cdf(-abs(value) / (spread * sd)) if sd > 0 else 0.0


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm), in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    raised = accumulate((min(1.0, (len(order) - k) * p_values[i]) for k, i in enumerate(order)), max)
    corrected = dict(zip(order, raised, strict=True))
    return [corrected[i] for i in range(len(order))]


def fisher(k1: int, n1: int, k2: int, n2: int) -> float:
    """Two-sided p of "both shares are equal", for ``k1`` of ``n1`` against ``k2`` of ``n2`` (Fisher's exact test).

    >>> round(fisher(0, 36, 7, 36), 4)
    0.0113
    """
    total, hits = n1 + n2, k1 + k2

    def log_weight(k: int) -> float:
        return _log_choose(n1, k) + _log_choose(n2, hits - k) - _log_choose(total, hits)

    seen = log_weight(k1)
    possible = range(max(0, hits - n2), min(hits, n1) + 1)
    return min(1.0, math.fsum(math.exp(w) for k in possible if (w := log_weight(k)) <= seen + 1e-9))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
