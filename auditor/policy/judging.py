"""One rule against the results: which interval is looked at, where it lies to the limit, and what that means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from auditor.errors import UsageError
from auditor.policy.document import PolicyRule, share_of
from auditor.policy.intervals import Interval, difference, mean_of, paired_mean, simultaneous
from auditor.policy.measures import Bounds, Classes, Known
from auditor.results import Measure, Measured

Relation = Literal["inside", "straddles", "beyond"]
Status = Literal["pass", "warn", "fail"]


@dataclass(frozen=True)
class Limit:
    """The limit in the measure's unit, or in shares of the baseline, and on which side of it values are good."""

    value: float
    lower: bool


@dataclass(frozen=True)
class Judged:
    """What a rule saw: the place, the interval there, its limit, their relation, and of how many places it is one."""

    classes: Classes
    interval: Interval
    limit: Limit
    relation: Relation
    places: int


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
    rule: PolicyRule, measure: Known, found: Mapping[Classes, Measured], before: Mapping[Classes, Measured] | None
) -> Judged:
    """Look at the places of a rule.

    Args:
        rule: with one limit.
        measure: what the rule is about.
        found: the candidate's value at each place, at least one.
        before: the baseline's, for a rule that is relative to it.
    Raises:
        NotComparable: a value is not measured, or the baseline has other places.
    """
    here = _intervals(found, "")
    if not rule.relative:
        ((key, value),) = rule.limits.items()
        return _aggregated(rule, here, Limit(float(value), key == "min"), mean_of, measure.bounds)
    assert before is not None
    there = _intervals(before, "in the baseline ")
    if missing := sorted(set(here) ^ set(there)):
        side = "baseline" if missing[0] in here else "candidate"
        raise NotComparable(f"{place_key(missing[0])} was not audited in the {side} ({len(missing)} such places)")
    if rule.aggregate == "worst":
        return _worst_against_worst(rule, here, there)
    changes = {classes: _change(rule, interval, there[classes], classes) for classes, interval in here.items()}
    return _aggregated(rule, changes, relative_limit(rule), paired_mean, (None, None))


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
    return {c: Interval(m.value, m.low, m.high) for c, m in found.items() if isinstance(m, Measure)}


def _change(rule: PolicyRule, now: Interval, then: Interval, classes: Classes) -> Interval:
    """Difference to the baseline, as a share of the baseline's value where the limit is one."""
    change = difference(now, then)
    ((_, value),) = rule.limits.items()
    if share_of(value) is None:
        return change
    if then.value == 0:
        raise NotComparable(f"{place_key(classes)} is 0 in the baseline, which no share of it can be taken of")
    return Interval(*(number / abs(then.value) for number in change))


def _aggregated(
    rule: PolicyRule,
    places: Mapping[Classes, Interval],
    limit: Limit,
    mean: Callable[[Mapping[Classes, Interval]], Interval],
    bounds: Bounds,
) -> Judged:
    count = len(places)
    if rule.aggregate == "mean":
        interval = mean(places)
        return Judged((), interval, limit, relation(interval, limit), count)
    wide = {classes: _inside(simultaneous(interval, count), bounds) for classes, interval in places.items()}
    if rule.aggregate == "worst":
        classes = min(wide, key=lambda c: _room(wide[c].value, limit))
    else:
        # The place that decides: beyond before straddling, then the one that its limit is farthest from.
        def harm(c: Classes) -> tuple[int, float]:
            order: tuple[Relation, ...] = ("inside", "straddles", "beyond")
            return -order.index(relation(wide[c], limit)), _room(wide[c].value, limit)

        classes = min(wide, key=harm)
    return Judged(classes, wide[classes], limit, relation(wide[classes], limit), count)


def _inside(interval: Interval, bounds: Bounds) -> Interval:
    """The interval without what lies outside the measure's bounds."""
    lower, upper = bounds
    value, low, high = interval
    return Interval(value, low if lower is None else max(low, lower), high if upper is None else min(high, upper))


def _worst_against_worst(
    rule: PolicyRule, here: Mapping[Classes, Interval], there: Mapping[Classes, Interval]
) -> Judged:
    """The candidate's worst value against the baseline's worst, which may stand at another place."""
    limit, count = relative_limit(rule), len(here)
    worst = min(here, key=lambda c: _room(here[c].value, limit))
    then = min(there, key=lambda c: _room(there[c].value, limit))
    change = _change(rule, simultaneous(here[worst], count), simultaneous(there[then], count), then)
    return Judged(worst, change, limit, relation(change, limit), count)


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


def _spelled(classes: Classes, key: str, measure: Known, found: Mapping[Classes, Measured]) -> list[Classes]:
    """A place as the results have it: a pair in their order, or both of its directions."""
    back = classes[::-1]
    if key == "pairs" and measure.kind == "direction":
        return [classes, back]
    return [back] if key == "pairs" and back in found else [classes]


def _pair_of(text: str, names: Sequence[str], rule: PolicyRule, key: str) -> Classes:
    # A class name may hold a colon, so every place to cut is tried and exactly one must fit.
    cuts = [(text[:i], text[i + 1 :]) for i, character in enumerate(text) if character == ":"]
    whole = {
        (a, b) for left, right in cuts if (a := _index(left, names)) is not None
        and (b := _index(right, names)) is not None and a != b
    }  # fmt: skip
    if len(whole) != 1:
        raise UsageError(
            f"expected a pair such as 4:9 of class names or indices in {key} of rule {rule.name!r}; found {text!r};"
            " correct it"
        )
    return whole.pop()


def _class_of(text: str, names: Sequence[str], rule: PolicyRule, key: str) -> Classes:
    if (index := _index(text, names)) is None:
        raise UsageError(f"expected a class name or index in {key} of rule {rule.name!r}; found {text!r}; correct it")
    return (index,)


def _index(text: str, names: Sequence[str]) -> int | None:
    """As in --pairs: a name wins over an index that looks like it."""
    word = text.strip()
    if word in names:
        return names.index(word)
    return int(word) if word.isascii() and word.isdigit() and int(word) < len(names) else None
