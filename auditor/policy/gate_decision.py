"""The decision: ``Results``, ``Policy`` and perhaps a baseline to a ``Gate``. A pure function.

A rule fails only when the interval as a whole lies beyond its limit; it warns when the limit lies inside the interval.
A rule whose measure was not measured fails the gate, whatever its severity. Over several places (``each``, ``worst``)
the intervals are widened so that all of them hold at once with 95 %; otherwise one place in forty would fail a model
that stands exactly on its limit everywhere, and of 90 directions two would. The change of a margin or of accuracy
against a baseline is that of the samples that both audits have, where they have enough. A baseline that is not like the
candidate, or is known too poorly to show the change that a rule is about, fails the gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from math import isfinite

from auditor.documents.results import Gate, Measured, Results, Rule
from auditor.errors import UsageError
from auditor.numbers.intervals import Classes
from auditor.policy import wording
from auditor.policy.baseline_alike import alike, refuse_partial
from auditor.policy.common_samples import FROM_MARGINS, Change, changes, other_routes
from auditor.policy.coverage import coverage_rules
from auditor.policy.document import Policy, PolicyRule, check_policy
from auditor.policy.measure_places import find, known, mean_over, values
from auditor.policy.rule_outcome import Judged, NotComparable, chosen, judge, outcome, place_key
from auditor.policy.waivers import FAILING, Waivers

Decided = tuple[Rule, Judged | None]


def decide(results: Results, policy: Policy, baseline: Results | None = None, *, today: date | None = None) -> Gate:
    """Judge the results by every rule of the policy.

    Args:
        results: of the model that is to pass.
        policy: with at least one rule.
        baseline: results that ``max_decrease`` and ``max_increase`` refer to.
        today: needed where the policy has waivers, which end on a day.
    Returns:
        the gate; failed when any rule fails or could not be measured and no waiver speaks for it.
    Raises:
        UsageError: a rule names what does not exist, applies nowhere, can never fail, or needs a baseline.
        InputRefused: the baseline is a partial one.
    """
    check_baseline(policy, has_baseline=baseline is not None)
    check_policy(policy, results.definitions)
    if baseline is not None:
        refuse_partial(baseline)
    waivers = Waivers.of(policy, today)
    own = [
        *_validity(results, policy),
        *coverage_rules(results, policy),
        *(alike(results, baseline, policy) if baseline is not None else ()),
    ]
    decided: list[Decided] = [(waivers.applied(rule), None) for rule in own]
    decided += [_judged_with_waivers(rule, results, policy, baseline, waivers) for rule in policy.rules]
    decided += [(rule, None) for rule in waivers.expired_rules()]
    return _gate(decided)


def _gate(decided: Sequence[tuple[Rule, Judged | None]]) -> Gate:
    """The decision, and what became of how many rules."""
    rules = [rule for rule, _ in decided]
    failed = [rule for rule in rules if rule.status in FAILING]
    open_ones = [(rule, seen) for rule, seen in decided if seen is not None and seen.relation == "straddles"]
    return Gate(
        status="failed" if failed else "passed",
        rules=rules,
        holds=sum(rule.status == "pass" for rule in rules),
        undecided=sum(rule.status == "warn" for rule, _ in open_ones),
        beyond=sum(seen.beyond for _, seen in open_ones),
        failed=len(failed),
        waived=sum(rule.status == "waived" for rule in rules),
    )


def check_baseline(policy: Policy, *, has_baseline: bool) -> None:
    """A baseline is there if and only if a rule refers to it.

    Raises:
        UsageError: it is not so.
    """
    if policy.relative and not has_baseline:
        first = next(rule for rule in policy.rules if rule.relative)
        raise UsageError(
            f"expected --baseline RESULTS.json for rule {first.name!r}; found none; give it, or use min or max"
        )
    if has_baseline and not policy.relative:
        raise UsageError(
            "expected a rule with max_decrease or max_increase to use --baseline; found none in the policy; add one or"
            " leave --baseline out"
        )


def _validity(results: Results, policy: Policy) -> Iterator[Rule]:
    """A rule for each check that is not ok, or one for all of them."""
    said = [v for v in results.validity if v.status != "ok" and (v.status, policy.validity.warn) != ("warn", "ignore")]
    for check in said:
        status = check.status if check.status == "fail" else policy.validity.warn
        yield Rule(
            id=f"validity.{check.id}", status="fail" if status == "fail" else "warn", observed=check.status,
            threshold="ok", message=check.message, severity="fail" if status == "fail" else "warn",
        )  # fmt: skip
    if not results.validity:
        yield Rule(id="validity", status="not_measured", observed="no check", threshold="none fails",
                   message="Not measured: the results hold no validity check.")  # fmt: skip
    elif not said:
        yield Rule(id="validity", status="pass", observed=f"{len(results.validity)} checks", threshold="none fails",
                   message="No check of the audit stands against the numbers.")  # fmt: skip


def incomparable(results: Results, baseline: Results) -> str | None:
    """Why numbers of two audits must not be compared, None where they may be."""
    if results.data.class_names != baseline.data.class_names:
        return "the baseline has other class names"
    if results.data.fingerprint != baseline.data.fingerprint:
        return f"the baseline was audited on other data ({baseline.data.name}, fingerprint {_short(baseline)})"
    return None


def _pairs(results: Results) -> set[tuple[int, int]]:
    return {pair.classes for pair in results.pairs}


def _short(results: Results) -> str:
    return results.data.fingerprint[:12]


def _judged_with_waivers(
    rule: PolicyRule, results: Results, policy: Policy, baseline: Results | None, waivers: Waivers
) -> Decided:
    """A rule as it comes out; waived where it fails as a whole, or only at places that waivers name."""
    decided, seen = _judged(rule, results, policy, baseline)
    waived = waivers.places(rule, results)
    if decided.status not in FAILING or not waived:
        return waivers.applied(decided), seen
    if waived.keys() >= _places(rule, results).keys():
        return waivers.applied_at(decided, waived), None
    rest, seen_of_rest = _judged(rule, results, policy, baseline, frozenset(waived))
    if rest.status in FAILING:
        return waivers.applied(rest), seen_of_rest
    return waivers.applied_at(decided, waived), None


def _places(rule: PolicyRule, results: Results) -> dict[Classes, Measured]:
    """The places that a rule is about, with the measure's values there."""
    measure = known(rule.measure, results.definitions, rule.name)
    return chosen(rule, measure, values(results, rule.measure), results.data.class_names)


def _judged(
    rule: PolicyRule,
    results: Results,
    policy: Policy,
    baseline: Results | None,
    without: frozenset[Classes] = frozenset(),
) -> Decided:
    measure = known(rule.measure, results.definitions, rule.name)
    names = results.data.class_names
    places = {classes: value for classes, value in _places(rule, results).items() if classes not in without}
    limit = wording.threshold(rule)
    start = partial(Rule, id=rule.name, severity=rule.severity, measure=rule.measure, threshold=limit)
    try:
        before, common = (None, None) if baseline is None else _before(rule, results, baseline, places, without)
        seen = judge(rule, measure, places, before, common, mean_over(results, rule.measure, of_changes=rule.relative))
    except NotComparable as err:
        message = f"Not measured: {err}."
        return start(status="not_measured", observed="not measured", message=message), None
    strict = seen.starved or (policy.strict if rule.strict is None else rule.strict)
    status = outcome(seen.relation, rule.severity, strict)
    value, low, high = seen.interval
    unit, scale = wording.unit(rule, measure)
    decided = start(
        status=status, observed=wording.observed(seen), message=wording.message(rule, measure, seen, names),
        classes=list(seen.classes), value=value, ci_low=low if isfinite(low) else None,
        ci_high=high if isfinite(high) else None, limit=seen.limit.value, key=next(iter(rule.limits)),
        unit=unit, scale=scale, needed_n=seen.needed,
    )  # fmt: skip
    return decided, seen


def _before(
    rule: PolicyRule,
    results: Results,
    baseline: Results,
    places: Mapping[Classes, Measured],
    without: frozenset[Classes],
) -> tuple[Mapping[Classes, Measured] | None, Mapping[Classes, Change] | None]:
    """The baseline's values for a relative rule, and what became of common samples.

    Raises:
        NotComparable: the two audits do not measure the same thing.
    """
    if not rule.relative:
        return None, None
    if reason := incomparable(results, baseline):
        raise NotComparable(reason)
    if rule.measure.startswith("summary.") and _pairs(results) != _pairs(baseline):
        raise NotComparable("the summary of the baseline is over other pairs")
    if find(rule.measure, baseline.definitions) is None:
        raise NotComparable("the baseline does not have this measure")
    if FROM_MARGINS.fullmatch(rule.measure):
        for classes, routes in other_routes(results, baseline).items():
            if classes in places:
                raise NotComparable(f"margins of {place_key(classes)} were found by other routes: {routes}")
    before = values(baseline, rule.measure)
    before = {classes: value for classes, value in before.items() if classes not in without}
    if rule.selectors:
        before = {classes: value for classes, value in before.items() if classes in places}
    return before, changes(results, baseline, rule.measure)
