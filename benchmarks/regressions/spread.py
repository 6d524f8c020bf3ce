"""How much more a number varies from seed to seed than its own 95 % interval says.

    ratio = standard deviation over seeds / root mean square over seeds of (half-width / 1.96)

Its 95 % interval is that of a standard deviation (chi-square on N - 1 degrees of freedom for N seeds), which takes
numbers for normal. Over the places of a measure both squares are averaged first, so that one ratio speaks for all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from scipy.stats import chi2

from auditor.documents.results import Measure, Results
from auditor.numbers.intervals import Interval, deviation
from auditor.policy.first_policy import SPREAD, Look, Source, looks, observed
from auditor.policy.measure_places import values


@dataclass(frozen=True)
class Ratio:
    """A ratio with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """One number that a first policy limits.

    Args:
        look: what the policy looks at.
        mean: of the number, over seeds.
        ratio: of the number; None where its interval is a point.
        places: the ratio over its places; None for a measure of the model.
    """

    look: Look
    mean: float
    ratio: Ratio | None
    places: float | None


def spreads(results: Sequence[Results]) -> list[Spread]:
    """Every number that a first policy limits and that all audits measured, at least two audits of one model."""
    found = []
    for look in looks(results[0]):
        seen = [interval for one in results if (interval := observed(one, look)) is not None]
        if len(seen) == len(results):
            places = over_places([_places(one, look.measure) for one in results]) if look.aggregate else None
            found.append(Spread(look, fmean(i.value for i in seen), ratio(seen), places))
    return found


def widest(some: Sequence[Spread]) -> dict[Source, Spread]:
    """For each source of variation, the number with the greatest ratio."""
    return {
        source: max(those, key=lambda spread: spread.ratio.value if spread.ratio else 0.0)
        for source in SPREAD
        if (those := [spread for spread in some if spread.look.source == source])
    }


def ratio(seen: Sequence[Interval]) -> Ratio | None:
    """The ratio of one number from its value and interval under each seed."""
    claimed = fmean(deviation(i) ** 2 for i in seen)
    if claimed == 0 or math.isinf(claimed):
        return None
    value, freedom = math.sqrt(variance(i.value for i in seen) / claimed), len(seen) - 1
    low, high = (math.sqrt(freedom / chi2.ppf(p, freedom)) for p in (0.975, 0.025))
    return Ratio(value, value * low, value * high)


def over_places(seen: Sequence[Mapping[tuple[int, ...], Interval]]) -> float | None:
    """The ratio over the places that every seed measured: of mean variance to mean claimed variance."""
    common = [place for place in seen[0] if all(place in one for one in seen)]
    claimed = [deviation(one[place]) ** 2 for place in common for one in seen]
    if not any(claimed) or any(map(math.isinf, claimed)):
        return None
    return math.sqrt(fmean(variance(one[place].value for one in seen) for place in common) / fmean(claimed))


def _places(results: Results, name: str) -> dict[tuple[int, ...], Interval]:
    found = values(results, name).items()
    return {place: m.interval for place, m in found if isinstance(m, Measure)}
