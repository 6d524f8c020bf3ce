"""Margins of the same samples in two audits, from the differences of single samples.

    difference of sample i = margin in the candidate - margin in the baseline

The typical difference is the Hodges-Lehmann estimate (median of the means of all pairs of differences), its interval
and p are those of Wilcoxon's signed-rank test. A margin that is known only to be larger than what was tried makes a
difference known from one side only; each end of the interval takes the side that is less favourable to it.

Sources: Hodges and Lehmann, Annals of Mathematical Statistics 34, 1963; Pratt, JASA 54, 1959 (zeros keep their rank
and lose their sign).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from auditor.policy.intervals import LEVEL, Interval, z_for
from auditor.results import Margins

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
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Differences:
    """Margins of the same samples in two audits: entry i of each array belongs to one sample.

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
        high = math.inf if k < 1 else -_walsh(-self.high, k)
        return Interval(value, low, high)

    def share(self, count: int = 1) -> Interval | None:
        """The same as a share of the baseline's typical margin, by the same estimate; None where that is 0."""
        typical = hodges_lehmann(self.baseline)
        return Interval(*(end / typical for end in self.estimate(count))) if typical > 0 else None

    @property
    def side(self) -> float:
        """Positive where margins are larger in the candidate, even where most samples did not change."""
        return hodges_lehmann(self.value) or float(self.value.mean())

    @property
    def p(self) -> float:
        """Two-sided p of "margins are the same", by the signed-rank test."""
        return signed_rank(self.value)

    @property
    def closer(self) -> int:
        """Samples that came closer to the boundary by more than ``MOVED``."""
        return int((self.value < -MOVED * self.scale).sum())

    @property
    def farther(self) -> int:
        """Samples that went farther from the boundary by more than ``MOVED``."""
        return int((self.value > MOVED * self.scale).sum())


def margin_differences(candidate: Margins, baseline: Margins, norm: str) -> Differences | None:
    """The samples that both audits measured in the same direction and split, None where there are too few.

    Args:
        candidate, baseline: found by the same method, of the same data.
        norm: ``l2`` or ``linf``.
    """
    there = {index: row for row, index in enumerate(baseline.index)}
    rows = [(row, there[index]) for row, index in enumerate(candidate.index) if index in there]
    if len(rows) < LEAST:
        return None
    a_low, a_high = _ends(candidate, norm, [row for row, _ in rows])
    b_low, b_high = _ends(baseline, norm, [row for _, row in rows])
    scale, low, high = np.maximum(a_low, b_low), a_low - b_high, a_high - b_low
    same = np.isfinite(low) & np.isfinite(high) & (np.abs(low) <= RESOLUTION * scale)
    low, high = np.where(same, 0.0, low), np.where(same, 0.0, high)
    return Differences(low, high, np.minimum(np.maximum(0.0, low), high), scale, b_low)


def _ends(margins: Margins, norm: str, rows: Sequence[int]) -> tuple[Values, Values]:
    """Between which values the margin of each sample lies."""
    found, tried = getattr(margins, norm), getattr(margins, f"tried_{norm}") or 0.0
    low = [tried if found[row] is None else found[row] for row in rows]
    high = [math.inf if found[row] is None else found[row] for row in rows]
    return np.array(low, float), np.array(high, float)


def hodges_lehmann(values: Values) -> float:
    """Median of the means of all pairs of values, each with itself as well."""
    return float(np.median(_pair_means(values)))


def _pair_means(values: Values) -> Values:
    i, j = np.triu_indices(len(values))
    means: Values = (values[i] + values[j]) / 2
    return means


def _walsh(values: Values, k: int) -> float:
    """The k-th smallest mean of two values, from 1."""
    return float(np.partition(_pair_means(values), k - 1)[k - 1])


@lru_cache(maxsize=512)
def _left_out(count: int, alpha: float) -> int:
    """Which of the ordered pair means bounds the interval; 0 where the sample is too small for any."""
    if count <= EXACT_INTERVAL:
        below = np.cumsum(_null(tuple(range(1, count + 1))))
        return int(np.searchsorted(below, alpha / 2, side="right"))
    mean, sd = count * (count + 1) / 4, math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
    return max(0, math.floor(mean - z_for(1, alpha) * sd))


def signed_rank(differences: Values) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; ties share their rank, zeros have ranks and no sign (Pratt).

    Exact up to ``EXACT_TEST`` differences, whatever the ties.
    """
    sizes = np.abs(differences)
    _, group, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    doubled = (2 * last - counts + 1)[group]  # twice the mean rank of each group of ties, a whole number
    signed = differences != 0
    ranks = doubled[signed]
    if not len(ranks):
        return 1.0
    above, total = int(ranks[differences[signed] > 0].sum()), int(ranks.sum())
    extreme = min(above, total - above)
    if len(differences) <= EXACT_TEST:
        return min(1.0, 2 * float(_null(tuple(sorted(ranks.tolist())))[: extreme + 1].sum()))
    sd = math.sqrt(float((ranks.astype(float) ** 2).sum())) / 2
    return min(1.0, math.erfc((total / 2 - extreme) / sd / math.sqrt(2)))


@lru_cache(maxsize=512)
def _null(ranks: tuple[int, ...]) -> Values:
    """Probability of each sum of ranks that get a plus sign with probability a half each, from 0 to their sum."""
    found = np.zeros(sum(ranks) + 1)
    found[0] = 1.0
    for rank in ranks:
        moved = np.concatenate([np.zeros(rank), found[:-rank]])
        found = (found + moved) / 2
    return found
