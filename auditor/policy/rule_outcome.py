"""One rule against the results: which interval is looked at, where it lies to the limit, and what that means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from auditor.documents.results import Bounds, Measure, Measured
from auditor.errors import UsageError
from auditor.numbers.class_pairs import class_meant, pairs_meant
from auditor.numbers.intervals import Classes, Interval, difference, mean_of, simultaneous
from auditor.policy.common_samples import Change
from auditor.policy.document import PolicyRule, share_of
from auditor.policy.measure_places import Known
from auditor.policy.paired import Disagreement

Relation = Literal["inside", "straddles", "beyond"]
Status = Literal["pass", "warn", "fail"]
MeanOf = Callable[[Mapping[Classes, Interval]], Interval]
IN_BASELINE = "in the baseline "
TENTH = 0.1
"""Share of the baseline's value that counts as the change allowed where a rule allows none."""


@dataclass(frozen=True)
class Limit:
    """The limit in the measure's unit, or in shares of the baseline, and on which side of it values are good."""

    value: float
    lower: bool


@dataclass(frozen=True)
class Judged:
    """What a rule saw.

    Args:
        classes: the place; empty for a mean and for the model.
        interval: there.
        limit: that it has to keep.
        relation: of the interval to the limit.
        places: of how many places it is one.
        samples: behind the interval, the fewest of any place for a mean.
        paired: at how many places the change is one of single samples that both audits have.
        against: the baseline's place, where the rule compares two different ones.
        vague: whether the baseline is known too poorly for the rule: less precisely than the change that it allows.
    """

    classes: Classes
    interval: Interval
    limit: Limit
    relation: Relation
    places: int
    samples: int
    paired: int = 0
    against: Classes = ()
    vague: bool = False

    @property
    def starved(self) -> bool:
        """Whether a rule cannot be decided for want of a baseline that could decide it; that is no pass."""
        return self.vague and self.relation == "straddles"

    @property
    def beyond(self) -> bool:
        """Whether the value itself lies beyond the limit, wherever its interval ends."""
        return _room(self.interval.value, self.limit) < 0

    @property
    def needed(self) -> int | None:
        """How many samples would decide, if the value stayed: an interval narrows with the root of their number.

        None where the rule is decided, where the value lies on the limit, or where the interval is open on that side.
        """
        value, low, high = self.interval
        distance = abs(value - self.limit.value)
        half = value - low if self.limit.value < value else high - value
        # Beyond a million times the width no number of samples that anybody has would decide.
        if self.relation != "straddles" or not half < 1e6 * distance:
            return None
        return math.ceil(self.samples * (half / distance) ** 2)


class NotComparable(Exception):
    """A number that the rule needs is missing; the message says where and why."""


def relation(interval: Interval, limit: Limit) -> Relation:
    """Where an interval lies to a limit; an end on the limit is not beyond it.

    >>> relation(Interval(0.9, 0.85, 0.95), Limit(0.95, lower=True))
    'straddles'
    """
    near, far = (interval.low, interval.high) if limit.lower else (-interval.high, -interval.low)
    bound = limit.value if limit.lower else -limit.value
    if near >= bound:
        return "inside"
    return "beyond" if far < bound else "straddles"


def outcome(found: Relation, severity: Literal["warn", "fail"], strict: bool) -> Status:
    """What a relation means for a rule.

    | | inside | straddles | beyond |
    |---|---|---|---|
    | fail | pass | warn, strict: fail | fail |
    | warn | pass | warn | warn |
    """
    if found == "inside":
        return "pass"
    return "fail" if severity == "fail" and (strict or found == "beyond") else "warn"


def judge(
    rule: PolicyRule,
    measure: Known,
    found: Mapping[Classes, Measured],
    before: Mapping[Classes, Measured] | None,
    common: Mapping[Classes, Change] | None = None,
    mean: MeanOf = mean_of,
) -> Judged:
    """Look at the places of a rule.

    Args:
        rule: with one limit.
        measure: what the rule is about.
        found: the candidate's value at each place, at least one.
        before: the baseline's, for a rule that is relative to it.
        common: by place, what became of the samples that both audits have.
        mean: over places.
    Raises:
        NotComparable: a value is not measured, or the baseline has other places.
    """
    if not rule.relative:
        here = _intervals(found, "")
        ((key, value),) = rule.limits.items()
        wide = {c: _inside(simultaneous(i, len(here)), measure.meaning.bounds) for c, i in here.items()}
        return _aggregated(rule, here, wide, Limit(float(value), key == "min"), mean, _samples(found))
    assert before is not None
    common = {classes: change for classes, change in (common or {}).items() if classes in found}
    if missing := sorted(set(found) ^ set(before)):
        side = "baseline" if missing[0] in found else "candidate"
        raise NotComparable(f"{place_key(missing[0])} was not audited in the {side} ({len(missing)} such places)")
    # A margin may be known to be larger than what was tried; of a share, nothing is known where it was not measured.
    shares = [classes for classes, change in common.items() if isinstance(change, Disagreement)]
    _intervals({c: found[c] for c in shares}, "")
    _intervals({c: before[c] for c in shares}, IN_BASELINE)
    samples = _samples(found) | {classes: len(change) for classes, change in common.items()}
    if rule.aggregate == "worst":
        return _worst_against_worst(rule, found, before, common, samples, _bounds_of_change(rule, measure))
    apart = [classes for classes in found if classes not in common]
    here, there = _intervals({c: found[c] for c in apart}, ""), _intervals({c: before[c] for c in apart}, IN_BASELINE)
    near = {c: _change(rule, here[c], there[c], c) for c in apart} | {c: _paired(rule, common[c], c) for c in common}
    count = len(found)
    wide = {c: simultaneous(near[c], count) for c in apart} | {c: _paired(rule, common[c], c, count) for c in common}
    bounds = _bounds_of_change(rule, measure)
    near, wide = ({c: _inside(some[c], bounds) for c in found} for some in (near, wide))
    judged = _aggregated(rule, near, wide, relative_limit(rule), mean, samples)
    looked_at = [judged.classes] if judged.classes in found and rule.aggregate != "mean" else [*found]
    of_others = {c: there[c] for c in looked_at if c in there}
    return replace(judged, paired=len(common), vague=bool(of_others) and _too_wide(rule, mean_of(of_others)))


def _too_wide(rule: PolicyRule, then: Interval) -> bool:
    """Whether the baseline's own interval, on the side that could show harm, is wider than the change allowed."""
    limit = relative_limit(rule)
    ((_, value),) = rule.limits.items()
    half = then.value - then.low if limit.lower else then.high - then.value
    allowed = abs(limit.value) or TENTH
    if share_of(value) is not None or limit.value == 0:
        allowed *= abs(then.value)
    return half > allowed * (1 + 1e-9)  # an interval of just this width can come out a digit wider


def _bounds_of_change(rule: PolicyRule, measure: Known) -> Bounds:
    """Between what a change of the measure can lie, or as a share of a value that is never negative."""
    low, high = measure.meaning.bounds
    ((_, value),) = rule.limits.items()
    if share_of(value) is not None:
        return (-1.0 if low is not None and low >= 0 else None), None
    return (low - high, high - low) if low is not None and high is not None else (None, None)


def relative_limit(rule: PolicyRule) -> Limit:
    """The limit of a relative rule, on the change from the baseline."""
    ((key, value),) = rule.limits.items()
    share = share_of(value)
    size = float(value) if share is None else share
    return Limit(-size, True) if key == "max_decrease" else Limit(size, False)


def place_key(classes: Sequence[int]) -> str:
    """The place in the notation of a policy."""
    return ":".join(map(str, classes)) or "the model"


def _intervals(found: Mapping[Classes, Measured], where: str) -> dict[Classes, Interval]:
    missing = [(c, m.not_measured) for c, m in found.items() if not isinstance(m, Measure)]
    if missing:
        classes, reason = missing[0]
        more = f" (and {len(missing) - 1} more of {len(found)} places)" if len(missing) > 1 else ""
        raise NotComparable(f"{where}{place_key(classes)}: {reason}{more}")
    return {c: m.interval for c, m in found.items() if isinstance(m, Measure)}


def _change(rule: PolicyRule, now: Interval, then: Interval, classes: Classes) -> Interval:
    """Difference to the baseline, as a share of the baseline's value where the limit is one."""
    change = difference(now, then)
    ((_, value),) = rule.limits.items()
    if share_of(value) is None:
        return change
    if then.value == 0:
        raise NotComparable(f"{place_key(classes)} is 0 in the baseline, which no share of it can be taken of")
    return Interval(*(number / abs(then.value) for number in change))


def _paired(rule: PolicyRule, change: Change, classes: Classes, count: int = 1) -> Interval:
    """Change of the samples that both audits have, as a share of the baseline's where the limit is one."""
    ((_, value),) = rule.limits.items()
    found = change.estimate(count) if share_of(value) is None else change.share(count)
    if found is None:
        raise NotComparable(f"{place_key(classes)} is 0 in the baseline, which no share of it can be taken of")
    return found


def _samples(found: Mapping[Classes, Measured]) -> dict[Classes, int]:
    return {classes: value.n for classes, value in found.items() if isinstance(value, Measure)}


def _aggregated(
    rule: PolicyRule,
    places: Mapping[Classes, Interval],
    wide: Mapping[Classes, Interval],
    limit: Limit,
    mean: MeanOf,
    samples: Mapping[Classes, int],
) -> Judged:
    """One interval for the rule: of the mean, or of the place that decides.

    Args:
        places: intervals that hold one by one.
        wide: the same, so wide that all hold at once.
        samples: behind each.
    """
    count = len(places)
    if rule.aggregate == "mean":
        interval = mean(places)
        return Judged((), interval, limit, relation(interval, limit), count, min(samples[c] for c in places))
    if rule.aggregate == "worst":
        classes = min(wide, key=lambda c: _room(wide[c].value, limit))
    else:
        # The place that decides: beyond before straddling, then the one that its limit is farthest from.
        def harm(c: Classes) -> tuple[int, float]:
            order: tuple[Relation, ...] = ("inside", "straddles", "beyond")
            return -order.index(relation(wide[c], limit)), _room(wide[c].value, limit)

        classes = min(wide, key=harm)
    return Judged(classes, wide[classes], limit, relation(wide[classes], limit), count, samples[classes])


def _inside(interval: Interval, bounds: Bounds) -> Interval:
    """The interval without what lies outside the measure's bounds; an open end stays open."""
    lower, upper = bounds
    value, low, high = interval
    return Interval(
        value,
        low if lower is None or low == -math.inf else max(low, lower),
        high if upper is None or high == math.inf else min(high, upper),
    )


def _worst_against_worst(
    rule: PolicyRule,
    found: Mapping[Classes, Measured],
    before: Mapping[Classes, Measured],
    common: Mapping[Classes, Change],
    samples: Mapping[Classes, int],
    bounds: Bounds,
) -> Judged:
    """The candidate's worst value against the baseline's worst, which may stand at another place."""
    here, there = _intervals(found, ""), _intervals(before, IN_BASELINE)
    limit, count = relative_limit(rule), len(here)
    worst = min(here, key=lambda c: _room(here[c].value, limit))
    then = min(there, key=lambda c: _room(there[c].value, limit))
    if worst == then and worst in common:
        change = _inside(_paired(rule, common[worst], worst, count), bounds)
        return Judged(worst, change, limit, relation(change, limit), count, samples[worst], count)
    change = _inside(_change(rule, simultaneous(here[worst], count), simultaneous(there[then], count), then), bounds)
    elsewhere = then if then != worst else ()
    vague = _too_wide(rule, there[then])
    return Judged(worst, change, limit, relation(change, limit), count, samples[worst], against=elsewhere, vague=vague)


def _room(value: float, limit: Limit) -> float:
    """How far a value stands on the good side of a limit; negative beyond it."""
    return value - limit.value if limit.lower else limit.value - value


def chosen(
    rule: PolicyRule, measure: Known, found: Mapping[Classes, Measured], names: Sequence[str]
) -> dict[Classes, Measured]:
    """The places that a rule is about.

    Args:
        names: of the classes.
    Raises:
        UsageError: a class is unknown, a place was not audited, or there is no place at all.
    """
    wanted: dict[Classes, str] = {}
    for key, texts in rule.selectors.items():
        for text in texts:
            classes = _class_of(text, names, rule, key) if key == "classes" else _pair_of(text, names, rule, key)
            wanted |= dict.fromkeys(_spelled(classes, key, measure, found), text)
    if absent := [text for classes, text in wanted.items() if classes not in found]:
        raise UsageError(
            f"expected places that were audited in rule {rule.name!r}; found {absent[0]!r}, which was not; audit it"
            " (--pairs) or correct the rule"
        )
    places = {classes: value for classes, value in found.items() if not rule.selectors or classes in wanted}
    if not places:
        raise UsageError(
            f"expected rule {rule.name!r} to apply somewhere; found no {measure.kind} in the results; remove it"
        )
    return places


def waived_places(
    text: str, rule: PolicyRule, measure: Known, found: Mapping[Classes, Measured], names: Sequence[str]
) -> list[Classes]:
    """The places that the place of a waiver means: one, or of a pair of classes both directions.

    Raises:
        UsageError: a class is unknown, or there is no such place.
    """
    if measure.kind == "model":
        raise UsageError(f"expected no place in the waiver of {rule.name!r}, one number; found {text!r}; remove it")
    if measure.kind == "class":
        places = [_class_of(text, names, rule, "the waiver")]
    else:
        pair = _pair_of(text, names, rule, "the waiver")
        places = _spelled(pair, "pairs" if measure.kind == "pair" else "directions", measure, found)
    if absent := [classes for classes in places if classes not in found]:
        raise UsageError(
            f"expected a place of rule {rule.name!r} in its waiver; found {text!r}, which was not audited"
            f" ({place_key(absent[0])}); correct it"
        )
    return places


def paired_classes(texts: Sequence[str], names: Sequence[str]) -> dict[str, Classes]:
    """Pairs of ``coverage.pairs`` by their text, each with the smaller index first.

    Raises:
        UsageError: a class is unknown.
    """
    asked = PolicyRule(measure="coverage.pairs", id="coverage.pairs")
    return {text: tuple(sorted(_pair_of(text, names, asked, "pairs"))) for text in texts}


def _spelled(classes: Classes, key: str, measure: Known, found: Mapping[Classes, Measured]) -> list[Classes]:
    """A place as the results have it: a pair in their order, or both of its directions."""
    back = classes[::-1]
    if key == "pairs" and measure.kind == "direction":
        return [classes, back]
    return [back] if key == "pairs" and back in found else [classes]


def _pair_of(text: str, names: Sequence[str], rule: PolicyRule, key: str) -> Classes:
    meant = {(a, b) for a, b in pairs_meant(text, names) if a != b}
    if len(meant) != 1:
        raise UsageError(
            f"expected a pair such as 4:9 of class names or indices in {key} of rule {rule.name!r}; found {text!r};"
            " correct it"
        )
    return meant.pop()


def _class_of(text: str, names: Sequence[str], rule: PolicyRule, key: str) -> Classes:
    if (index := class_meant(text, names)) is None:
        raise UsageError(f"expected a class name or index in {key} of rule {rule.name!r}; found {text!r}; correct it")
    return (index,)
