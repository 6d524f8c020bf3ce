"""Intervals and tests for a gate: simultaneous intervals, differences, means over pairs, counts, Holm's correction.

All from the 95 % intervals that results.json holds, in plain numbers.
Sources: Zou and Donner, Statistics in Medicine 27, 2008 (differences: the squares of the distances from a value to the
ends of its interval add up); Aronow, Samii and Assenova, arXiv 1312.3398 (means over pairs that share classes);
Holm, Scandinavian Journal of Statistics 6, 1979; Fisher's exact test for two shares.
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


def paired_mean(differences: Mapping[Classes, Interval]) -> Interval:
    """The mean of paired differences over directions or pairs, with the wider of two intervals.

    One comes from how the differences scatter: both directions of a pair are averaged, pairs that share a class
    depend on each other, Student's t on C - 1 degrees of freedom for C classes. The other is ``mean_of``'s, from
    the interval of each difference; it stands alone where there are fewer than three pairs.
    """
    measured = mean_of(differences)
    pairs: dict[Classes, list[float]] = {}
    for classes, interval in differences.items():
        pairs.setdefault(tuple(sorted(classes)), []).append(interval.value)
    rests = {classes: math.fsum(v) / len(v) - measured.value for classes, v in pairs.items()}
    ends = {c for classes in rests for c in classes}
    if len(rests) < 3 or len(ends) < 3:
        return measured
    alone = math.fsum(r * r for r in rests.values())
    sums = (math.fsum(r for classes, r in rests.items() if end in classes) for end in ends)
    variance = max(math.fsum(s * s for s in sums) - alone, alone) / len(rests) ** 2 * len(ends) / (len(ends) - 1)
    half = student(1 - (1 - LEVEL) / 2, len(ends) - 1) * math.sqrt(variance)
    return Interval(measured.value, min(measured.low, measured.value - half), max(measured.high, measured.value + half))


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


def student(probability: float, freedom: int) -> float:
    """Quantile of Student's t: exact for 1 and 2 degrees of freedom, else by its expansion in 1 / freedom.

    The expansion is Abramowitz and Stegun 26.7.5.
    """
    if freedom == 1:
        return math.tan(math.pi * (probability - 0.5))
    if freedom == 2:
        a = 4 * probability * (1 - probability)
        return 2 * (probability - 0.5) * math.sqrt(2 / a)
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / freedom ** (order + 1) for order, term in enumerate(terms))
