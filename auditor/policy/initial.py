"""A first policy from an accepted audit: limits that an unchanged model keeps under any other seed.

An unchanged model measured again gives another number x' for x. A rule fails it when x' plus the gate's half-width
still lies beyond the limit, so with one place in view, or the nearest of ``m``, the limit stands at

    x -+ (sqrt(2) * SPREAD * z(RISK / m) - z(0.025 / m)) * sigma,   sigma = half-width of the 95 % interval / 1.96

which leaves a chance of RISK to each rule. SPREAD is how much more results vary from seed to seed than their intervals
say: nothing for samples, little for the attack, much for what depends on how the generator was trained, which the
interval over its instances does not contain. Values that depend on the generator have no rule on their worst place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

from auditor.errors import InputRefused
from auditor.policy.intervals import Interval, deviation, mean_of, z_for
from auditor.policy.measures import Known, depends_on_generator, known, values
from auditor.policy.wording import number
from auditor.results import Measure, Results

RISK = 1e-4
SPREAD_SAMPLES, SPREAD_ATTACK, SPREAD_TRAINED = 1.0, 1.25, 2.0
"""Six seeds of digits_cnn, profile quick: the attack's margins vary 0.8 times as much as their intervals say, means of
the headline measures that a trained generator leads to up to 1.1 times, of its margins up to 2.4 times."""


@dataclass(frozen=True)
class Draft:
    """A rule to write."""

    measure: str
    aggregate: str
    key: str
    limit: float
    observed: Interval
    note: str


def first_policy(results: Results) -> str:
    """The text of a policy that these results pass.

    Raises:
        InputRefused: the audit is not valid or is partial, or nothing in it can be limited.
    """
    if broken := [check.id for check in results.validity if check.status == "fail"]:
        raise InputRefused(
            "an accepted audit", f"one whose check {broken[0]} failed", "mend what it says and audit again"
        )
    if results.coverage.partial:
        found = f"a partial one of {results.coverage.audited:,} class pairs"
        raise InputRefused("a complete audit", found, "give a larger --time-budget or fewer --pairs and audit again")
    drafts = list(_drafts(results))
    if not drafts:
        raise InputRefused("an audit with measures to limit", "none", "audit at least one pair")
    return "\n".join([*_head(results), *(_written(draft) for draft in drafts), *_tail(drafts)])


def _drafts(results: Results) -> Iterator[Draft]:
    yield from _draft(results, "performance.accuracy", "", SPREAD_SAMPLES, "Accuracy on the test samples")
    yield from _draft(results, "performance.ece", "", SPREAD_SAMPLES, "Expected calibration error")
    yield from _draft(results, "generation.success_rate", "worst", SPREAD_ATTACK, "Sources that reach the boundary")
    ranked = results.summary.ranked_by
    shown = [id for id, d in results.definitions.items() if d.headline and id != ranked]
    for id in [ranked, *shown]:
        if id not in results.definitions:
            continue
        spread = SPREAD_TRAINED if depends_on_generator(results, id) else SPREAD_ATTACK
        title = results.definitions[id].title
        yield from _draft(results, f"characteristics.{id}", "mean", spread, title)
        if spread == SPREAD_ATTACK:
            yield from _draft(results, f"characteristics.{id}", "worst", spread, title)


def _draft(results: Results, name: str, aggregate: str, spread: float, note: str) -> Iterator[Draft]:
    """The rule for a measure, if it is measured everywhere, reads one way, and its interval leaves room for a limit."""
    measure = known(name, results.definitions, name)
    found = values(results, name)
    places = {c: Interval(m.value, m.ci_low, m.ci_high) for c, m in found.items() if isinstance(m, Measure)}
    sides = {"higher": "min", "lower": "max"}
    key = sides.get(measure.direction.split()[0])
    if key is None or not places or len(places) < len(found):
        return
    count = len(places) if aggregate == "worst" else 1
    if aggregate == "mean":
        observed = mean_of(places)
    else:
        observed = (min if key == "min" else max)(places.values(), key=lambda i: i.value)
    if (limit := limit_for(observed, key, count, spread, measure)) is not None:
        yield Draft(name, aggregate, key, limit, observed, note)


def limit_for(observed: Interval, key: str, count: int, spread: float, measure: Known) -> float | None:
    """The limit of a rule, rounded away from the value; None where the interval is a point or as wide as the scale."""
    value, sigma = observed.value, deviation(observed)
    if sigma == 0:
        return None
    reach = math.sqrt(2) * spread * NormalDist().inv_cdf(1 - RISK / count) - z_for(count)
    limit = rounded_away(value + (-reach if key == "min" else reach) * sigma, down=key == "min")
    lower, upper = measure.bounds
    if (key == "min" and lower is not None and limit <= lower) or (
        key == "max" and upper is not None and limit >= upper
    ):
        return None
    return limit


def rounded_away(value: float, *, down: bool) -> float:
    """Three significant digits, never nearer to the value that the limit was made from.

    >>> rounded_away(0.95678, down=True), rounded_away(0.012341, down=False)
    (0.956, 0.0124)
    """
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    steps = math.floor(value / step) if down else math.ceil(value / step)
    return float(f"{steps * step:.12g}")


def _head(results: Results) -> list[str]:
    model, data, settings = (
        json.dumps(text) for text in (results.model.file, results.data.name, results.settings.profile)
    )
    return [
        "# Gate for deepdig-audit: docs/policy.md explains every key.",
        f"# Made from an audit of {model} on {data}, profile {settings}, seed {results.settings.seed}.",
        "# The limits leave room for other seeds: an unchanged model keeps them. Tighten them where you know better.",
        "",
        "version = 1",
        "strict = false        # true: a limit inside an interval fails instead of warning",
        "",
        "[validity]",
        'warn = "warn"         # warnings among the validity checks: "ignore", "warn" or "fail"; a failed one fails',
        "",
        "[coverage]",
        f"pairs = {len(results.pairs)}            # fewer audited pairs fail",
        "",
    ]


def _written(draft: Draft) -> str:
    value, low, high = (number(n) for n in draft.observed)
    lines = [
        f"# {json.dumps(draft.note)[1:-1]}: {value} [{low}, {high}]"
        + {"worst": " at the worst place", "mean": " on average"}.get(draft.aggregate, ""),
        "[[rules]]",
        f"measure = {json.dumps(draft.measure)}",
        *([f'aggregate = "{draft.aggregate}"'] if draft.aggregate else []),
        f"{draft.key} = {draft.limit!r}",
        "",
    ]
    return "\n".join(lines)


def _tail(drafts: list[Draft]) -> list[str]:
    means = [draft for draft in drafts if draft.aggregate == "mean"] or drafts
    draft = means[0]
    change = "max_decrease" if draft.key == "min" else "max_increase"
    return [
        "# With --baseline RESULTS.json a rule can speak of the change instead:",
        "# [[rules]]",
        f"# id = {json.dumps(f'{draft.measure} change')}",
        f"# measure = {json.dumps(draft.measure)}",
        *([f'# aggregate = "{draft.aggregate}"'] if draft.aggregate else []),
        f'# {change} = "10 %"',
        "",
    ]
