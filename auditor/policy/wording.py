"""Rules in words: what was observed, what the limit is, and a sentence that says how the one lies to the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

from auditor.documents.results import LIMIT_WORDS, Scale, forecast
from auditor.policy.document import PolicyRule, share_of
from auditor.policy.measure_places import Known
from auditor.policy.rule_outcome import Judged

LIES = {
    "inside": "keeps the limit with its whole interval",
    "straddles": "cannot be told from the limit: the limit lies inside the interval",
    "beyond": "lies beyond the limit with its whole interval",
}


def number(value: float) -> str:
    """Four significant digits, with a plain minus sign, as text in results.json is for programs too.

    >>> number(0.95), number(-0.012345)
    ('0.95', '-0.01235')
    """
    return f"{value:.4g}"


def threshold(rule: PolicyRule) -> str:
    """The limit in words.

    >>> threshold(PolicyRule(measure="performance.accuracy", min=0.95))
    'at least 0.95'
    """
    ((key, limit),) = rule.limits.items()
    share = share_of(limit)
    return f"{LIMIT_WORDS[key]} {number(float(limit)) if share is None else f'{100 * share:.3g} %'}"


def observed(found: Judged) -> str:
    """Value and interval."""
    value, low, high = found.interval
    return f"{number(value)} [{_end(low)}, {_end(high)}]"


def _end(end: float) -> str:
    return number(end) if math.isfinite(end) else "open"


def unit(rule: PolicyRule, measure: Known) -> tuple[str, Scale]:
    """Unit and scale of the numbers that the rule compares."""
    ((_, limit),) = rule.limits.items()
    if share_of(limit) is not None:
        return "share of the baseline's value", "share"
    return measure.meaning.unit, measure.meaning.scale


def message(rule: PolicyRule, measure: Known, found: Judged, names: Sequence[str]) -> str:
    """A sentence: what, where, how it lies to the limit."""
    what = f"Change of {rule.measure}" if rule.relative else rule.measure
    plural = {"model": "", "class": "classes", "pair": "pairs", "direction": "directions"}[measure.kind]
    where = {
        "mean": f", mean over {found.places} {plural}",
        "worst": f", worst of {found.places} {plural}",
    }.get(rule.aggregate or "", f", {found.places} {plural}" if plural else "")
    at = f" at {place(found.classes, measure, names)}" if found.classes else ""
    sign = "simultaneous " if found.places > 1 and rule.aggregate != "mean" else ""
    return (
        f"{what}{where}: {observed(found)}{at} {LIES[found.relation]} ({threshold(rule)}; {sign}95 % interval"
        f"{_pairing(rule, measure, found, names)}).{_undecided(found)}"
    )


def _pairing(rule: PolicyRule, measure: Known, found: Judged, names: Sequence[str]) -> str:
    """Whether a change is that of single samples."""
    if not rule.relative:
        return ""
    if found.against:
        return f"; the baseline's worst is at {place(found.against, measure, names)}, so other samples are compared"
    if found.paired == found.places:
        return f" of the change of {found.samples} samples that both audits have"
    apart = f" at {found.places - found.paired} of {found.places} places" if found.paired else ""
    return f"; without common samples{apart}, compared as of different ones"


def _undecided(found: Judged) -> str:
    """What is seen and what would decide, where the limit lies inside the interval."""
    if found.relation != "straddles":
        return ""
    lies = " The observed value lies beyond the limit." if found.beyond else ""
    if found.starved:
        lies = f" Not decided: the baseline is known too poorly to show the change that the rule is about.{lies}"
    return lies if found.needed is None else f"{lies} {forecast(found.needed)} instead of {found.samples} would decide."


def place(classes: Sequence[int], measure: Known, names: Sequence[str]) -> str:
    """The classes of a place by name: ``4 to 9`` for a direction, ``4 and 9`` for a pair."""
    return {"direction": " to ", "pair": " and "}.get(measure.kind, "").join(names[c] for c in classes)
