"""Numbers with intervals, in plain Python: shares, differences, ratios and means of them, and tests from them.

Sources: Wilson, JASA 22, 1927; Zou and Donner, Statistics in Medicine 27, 2008 (differences: the squares of the
distances from a value to the ends of its interval add up); Holm, Scandinavian Journal of Statistics 6, 1979; Fisher's
exact test for two shares; Abramowitz and Stegun 26.7.5 (Student's t).
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
    """A number and the two ends of its 95 % interval; an infinite end is open, two such ends are no interval."""

    value: float
    low: float = -math.inf
    high: float = math.inf

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """Both ends as a document has them: None where one is open."""
        return (None if self.low == -math.inf else self.low), (None if self.high == math.inf else self.high)


def wilson(successes: int, trials: int, *, level: float = LEVEL) -> Interval:
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
    return Interval(p, 0.0 if successes == 0 else centre - half, 1.0 if successes == trials else centre + half)


def student(probability: float, freedom: int) -> float:
    """Quantile of Student's t: exact for 1 and 2 degrees of freedom, else by its expansion in 1 / freedom."""
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


def ratio(a: Interval, b: Interval) -> Interval | None:
    """``a / b`` of two independent numbers >= 0, as the difference of their logarithms; None where b is 0.

    >>> ratio(Interval(4.0, 2.0), Interval(2.0, 2.0, 2.0))
    Interval(value=2.0, low=1.0, high=inf)
    """
    if b.value == 0:
        return None
    if a.value == 0:  # its logarithm has no ends; those of a over the least of b are at least as far out
        return Interval(0.0, 0.0, a.high / b.low if b.low > 0 else math.inf)
    # An end at 0 is infinitely far on this scale: the ratio reaches down to 0, or up without end.
    logs = difference(*(Interval(*(math.log(end) if end > 0 else -math.inf for end in number)) for number in (a, b)))
    low = -math.inf if min(a.low, -b.high) == -math.inf else math.exp(logs.low)
    return Interval(a.value / b.value, low, math.exp(logs.high))


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


def coin_tail(heads: int, tosses: int) -> float:
    """Probability of so few heads or fewer: the exact sign test, in whole numbers of any size.

    >>> coin_tail(1, 3)
    0.5
    """
    ways, below = 1, 0
    for k in range(heads + 1):
        below += ways
        ways = ways * (tosses - k) // (k + 1)
    return below / 2**tosses


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def percent(share: float) -> str:
    """A share in text: one decimal, and never 100 % or 0 % for what is not.

    >>> percent(0.9999), percent(1.0)
    ('>99.9 %', '100 %')
    """
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", " %")
    if share > 0.9995 or share < 0.0005:
        return ">99.9 %" if share > 0.5 else "<0.1 %"
    return f"{100 * share:.1f} %"
