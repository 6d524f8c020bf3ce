"""Paired statistics: what two audits say of the same samples, from the differences of single samples.

    difference of sample i = margin in the candidate - margin in the baseline

The typical difference is the Hodges-Lehmann estimate (median of the means of all pairs of differences), its interval
and p are those of Wilcoxon's signed-rank test. A margin that is known only to be larger than what was tried makes a
difference known from one side only; each end of the interval takes the side that is less favourable to it.
Shares are compared by the samples on which the two models disagree: exact McNemar, and Tango's interval.

Without NumPy, which would be a third of an environment for the gate alone.

Sources: Hodges and Lehmann, Annals of Mathematical Statistics 34, 1963; Pratt, JASA 54, 1959 (zeros keep their rank
and lose their sign); McNemar, Psychometrika 12, 1947; Tango, Statistics in Medicine 17, 1998.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, groupby

from auditor.numbers.intervals import LEVEL, Interval, coin_tail, z_for

RESOLUTION = 0.002
"""Share of a margin within which the search finds a margin again: it keeps a point only where it is nearer than the
best one by this share. A smaller difference counts as none."""
MOVED = 0.02
"""Share of a margin, ten times ``RESOLUTION``, by which a sample has to come closer or go farther to have moved."""
LEAST = 12
"""Fewest common samples that are compared as pairs: with fewer no interval has ends that hold at 90 places at once,
since 2 / 2^n of all signs are at least as extreme as one sign throughout."""
EXACT_TEST, EXACT_INTERVAL = 64, 200
"""Most samples for which the distribution of the signed ranks is counted out; beyond, it is normal to 3 digits."""
SORTED_WHOLE = 4096
"""So many means of two values are sorted outright; of more, the one that is asked for is searched."""
Values = Sequence[float]


@dataclass(frozen=True)
class Differences:
    """Margins of the same samples in two audits: entry i of each belongs to one sample.

    Args:
        low, high: between which the difference lies; equal where both margins are known, infinite where nothing is.
        value: the difference nearest to 0 among them.
        scale: the larger of the two margins; of one that was not found, how far was looked.
        baseline: the baseline's margin.
    """

    low: Values
    high: Values
    value: Values
    scale: Values
    baseline: Values

    def __len__(self) -> int:
        return len(self.value)

    def estimate(self, count: int = 1) -> Interval:
        """Typical difference; its interval and those of ``count - 1`` other places hold at once with 95 %."""
        k = _left_out(len(self), (1 - LEVEL) / count)
        value = hodges_lehmann(self.value)
        low = -math.inf if k < 1 else _walsh(self.low, k)
        high = math.inf if k < 1 else -_walsh([-end for end in self.high], k)
        return Interval(value, low, high)

    def share(self, count: int = 1) -> Interval | None:
        """The same as a share of the baseline's typical margin, by the same estimate; None where that is 0."""
        typical = hodges_lehmann(self.baseline)
        return Interval(*(end / typical for end in self.estimate(count))) if typical > 0 else None

    @property
    def side(self) -> float:
        """Positive where margins are larger in the candidate, even where most samples did not change."""
        return hodges_lehmann(self.value) or math.fsum(self.value) / len(self)

    @property
    def p(self) -> float:
        """Two-sided p of "margins are the same", by the signed-rank test."""
        return signed_rank(self.value)

    @property
    def closer(self) -> int:
        """Samples that came closer to the boundary by more than ``MOVED``."""
        return sum(value < -MOVED * scale for value, scale in zip(self.value, self.scale, strict=True))

    @property
    def farther(self) -> int:
        """Samples that went farther from the boundary by more than ``MOVED``."""
        return sum(value > MOVED * scale for value, scale in zip(self.value, self.scale, strict=True))


def hodges_lehmann(values: Values) -> float:
    """Median of the means of all pairs of values, each with itself as well."""
    count = len(values) * (len(values) + 1) // 2
    return (_walsh(values, (count + 1) // 2) + _walsh(values, count // 2 + 1)) / 2


def _walsh(values: Values, k: int) -> float:
    """The k-th smallest mean of two values, or of one with itself, from 1.

    Row i of the triangle of sums of the sorted values rises from left to right: what lies left and right of a pivot is
    found in each row by bisection, and the side without the k-th sum falls away until the rest is quickly sorted.
    """
    x = sorted(map(float, values))
    lows, highs = list(range(len(x))), [len(x)] * len(x)
    while sum(highs) - sum(lows) > SORTED_WHOLE:
        middles = sorted(x[i] + x[(lows[i] + highs[i]) // 2] for i in range(len(x)) if lows[i] < highs[i])
        pivot = middles[len(middles) // 2]
        left = [_cut(bisect_left, x, i, pivot, lows[i], highs[i]) for i in range(len(x))]
        right = [_cut(bisect_right, x, i, pivot, lows[i], highs[i]) for i in range(len(x))]
        if k <= sum(left) - sum(range(len(x))):
            highs = left
        elif k <= sum(right) - sum(range(len(x))):
            return pivot / 2
        else:
            lows = right
    rest = sorted(x[i] + x[j] for i in range(len(x)) for j in range(lows[i], highs[i]))
    return rest[k - 1 - (sum(lows) - sum(range(len(x))))] / 2


def _cut(bisect: Callable[..., int], x: Values, i: int, pivot: float, low: int, high: int) -> int:
    """Where the sums of row i pass the pivot, between ``low`` and ``high``."""
    return bisect(x, pivot, low, high, key=lambda other: x[i] + other)


@lru_cache(maxsize=512)
def _left_out(count: int, alpha: float) -> int:
    """Which of the ordered pair means bounds the interval; 0 where the sample is too small for any."""
    if count <= EXACT_INTERVAL:
        below = accumulate(_sums_of_signs(tuple(range(1, count + 1))))
        return next(k for k, ways in enumerate(below) if ways / 2**count > alpha / 2)
    mean, sd = count * (count + 1) / 4, math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
    return max(0, math.floor(mean - z_for(1, alpha) * sd))


def signed_rank(differences: Values) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; ties share their rank, zeros have ranks and no sign (Pratt).

    Exact up to ``EXACT_TEST`` differences, whatever the ties.
    """
    ranks, above, seen = [], 0, 0
    for size, group in groupby(sorted(differences, key=abs), key=abs):
        tied = list(group)
        doubled = 2 * seen + len(tied) + 1  # twice the mean rank of the group, a whole number
        seen += len(tied)
        if size:
            ranks += [doubled] * len(tied)
            above += doubled * sum(value > 0 for value in tied)
    if not ranks:
        return 1.0
    total = sum(ranks)
    extreme = min(above, total - above)
    if len(differences) <= EXACT_TEST:
        return min(1.0, 2 * sum(_sums_of_signs(tuple(ranks))[: extreme + 1]) / 2 ** len(ranks))
    sd = math.sqrt(sum(rank**2 for rank in ranks)) / 2
    return min(1.0, math.erfc((total / 2 - extreme) / sd / math.sqrt(2)))


@lru_cache(maxsize=512)
def _sums_of_signs(ranks: tuple[int, ...]) -> list[int]:
    """Of all ways to give each rank a plus or a minus sign, how many have each sum of plus ranks, from 0 to the whole.

    The coefficients of the product of (1 + x^rank), multiplied as whole numbers in which each coefficient has its own
    bytes, enough for all ways together.
    """
    width, product = len(ranks) // 8 + 1, 1
    for rank in ranks:
        product += product << 8 * width * rank
    packed = product.to_bytes(width * (sum(ranks) + 1), "little")
    return [int.from_bytes(packed[k : k + width], "little") for k in range(0, len(packed), width)]


@dataclass(frozen=True)
class Disagreement:
    """A property of the same ``n`` samples in two audits: how many have it in one of them only, how many in both."""

    candidate_only: int
    baseline_only: int
    both: int
    n: int

    def __len__(self) -> int:
        return self.n

    def estimate(self, count: int = 1) -> Interval:
        """Difference of the shares, with Tango's interval, which holds at ``count`` places at once with 95 %."""
        z = z_for(count)
        value = (self.candidate_only - self.baseline_only) / self.n
        return Interval(value, _score_end(self, -z), _score_end(self, z))

    def share(self, count: int = 1) -> Interval | None:
        """The same as a share of the baseline's; None where the baseline has none."""
        baseline = (self.baseline_only + self.both) / self.n
        return Interval(*(end / baseline for end in self.estimate(count))) if baseline else None

    @property
    def side(self) -> int:
        """Positive where more samples have the property in the candidate."""
        return self.candidate_only - self.baseline_only

    @property
    def p(self) -> float:
        """Two-sided p of "both shares are equal" (McNemar, exact)."""
        sides = self.candidate_only, self.baseline_only
        return min(1.0, 2 * coin_tail(min(sides), sum(sides)))


def _score_end(found: Disagreement, z: float) -> float:
    """The difference at which the score statistic is ``-z``: the upper end for a positive z, else the lower one."""
    b, c, n = found.candidate_only, found.baseline_only, found.n

    def score(difference: float) -> float:
        middle = -b - c + (2 * n - b + c) * difference
        rest = -c * difference * (1 - difference)
        q = (math.sqrt(max(middle * middle - 8 * n * rest, 0.0)) - middle) / (4 * n)
        variance = n * (2 * q + difference * (1 - difference))
        away = b - c - n * difference
        return away / math.sqrt(variance) if variance > 1e-15 else math.copysign(math.inf, away) if away else 0.0

    low, high = -1.0, 1.0
    for _ in range(60):  # the score falls as the difference grows
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) > -z else (low, middle)
    return (low + high) / 2


def disagreement(candidate: Sequence[bool], baseline: Sequence[bool]) -> Disagreement:
    """Of the same samples in the same order, at least one."""
    pairs = list(zip(candidate, baseline, strict=True))
    only, other, both = (sum(pair == kind for pair in pairs) for kind in ((True, False), (False, True), (True, True)))
    return Disagreement(only, other, both, len(pairs))
