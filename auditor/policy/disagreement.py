"""Shares of the same samples in two audits, from the samples on which the two models disagree.

Exact McNemar, and Tango's interval. Without NumPy, whose import takes longer than most gates to decide.

Sources: McNemar, Psychometrika 12, 1947; Tango, Statistics in Medicine 17, 1998.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.policy.intervals import Interval, z_for
from auditor.results import SampleTable


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
        n, k = self.candidate_only + self.baseline_only, min(self.candidate_only, self.baseline_only)
        return min(1.0, 2 * math.fsum(math.comb(n, i) * 0.5**n for i in range(k + 1)))


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


def common_rows(candidate: SampleTable, baseline: SampleTable) -> list[tuple[int, int]]:
    """Rows of the samples that both tables hold under the same label."""
    there = {index: row for row, index in enumerate(baseline.index)}
    rows = ((row, there[index]) for row, index in enumerate(candidate.index) if index in there)
    return [(a, b) for a, b in rows if candidate.label[a] == baseline.label[b]]


def disagreement(candidate: Sequence[bool], baseline: Sequence[bool]) -> Disagreement:
    """Of the same samples in the same order, at least one."""
    pairs = list(zip(candidate, baseline, strict=True))
    only, other, both = (sum(pair == kind for pair in pairs) for kind in ((True, False), (False, True), (True, True)))
    return Disagreement(only, other, both, len(pairs))
