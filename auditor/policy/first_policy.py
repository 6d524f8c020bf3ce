"""A first policy from an accepted audit: limits that an unchanged model keeps under any other seed.

An unchanged model measured again gives another number x' for x. A rule fails it when x' plus the gate's half-width
still lies beyond the limit, so with one place in view, or the nearest of ``m``, the limit stands at

    x -+ (sqrt(2) * SPREAD * z(RISK / m) - z(0.025 / m)) * sigma,   sigma = half-width of the 95 % interval / 1.96

which leaves a chance of RISK to each rule. SPREAD is how much more results vary from seed to seed than their intervals
say: nothing for samples, little for the attack, more for what depends on how the generator was trained. Values that
depend on the generator have no rule on their worst place, where a single training decides.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from auditor.documents.results import Measure, Results
from auditor.errors import InputRefused
from auditor.numbers.intervals import Interval, deviation, z_for
from auditor.policy.coverage import first_coverage
from auditor.policy.measure_places import Known, depends_on_generator, known, mean_over, values
from auditor.policy.wording import number

RISK = 1e-4
SMALLEST = 1e-300
"""Nearer to 0 there are no three significant digits to round to."""
SIDES: dict[str, Literal["min", "max"]] = {"higher": "min", "lower": "max"}
"""Which limit a measure takes, by which of its values are better; no other has one."""
Source = Literal["samples", "attack", "trained"]
SPREAD: dict[Source, float] = {"samples": 1.0, "attack": 1.25, "trained": 2.0}
"""Measured by ``python -m benchmarks.regressions flake`` (``benchmarks/regressions.md``). Over 20 seeds of digits_cnn,
profiles quick and standard, the attack's margins vary at most 0.78 times as much as their intervals say (95 % interval
of this ratio 0.60 to 1.14), means that a trained generator leads to at most 0.49 times (0.37 to 0.71): their intervals
allow for another training on digits_cnn, and what is allowed here leaves room for models on which they do not."""


@dataclass(frozen=True)
class Look:
    """A number that a first policy limits if it can, and what it varies with from seed to seed.

    Args:
        measure: as in a policy.
        aggregate: over its places; empty for a measure of the model.
        source: of the variation.
        title: for people.
    """

    measure: str
    aggregate: Literal["", "mean", "worst"]
    source: Source
    title: str


@dataclass(frozen=True)
class Draft:
    """A rule to write."""

    look: Look
    key: str
    limit: float
    observed: Interval


def first_policy(results: Results) -> str:
    """The text of a policy that these results pass.

    Raises:
        InputRefused: the audit is not valid or is partial, or nothing in it can be limited.
    """
    if broken := [check.id for check in results.validity if check.status == "fail"]:
        raise InputRefused(
            "an accepted audit", f"one whose check {broken[0]} failed", "mend what it says and audit again"
        )
    if not results.validity:
        raise InputRefused("an accepted audit", "one without any validity check", "audit again with this version")
    if results.coverage.partial or not results.pairs:
        found = f"a partial one of {results.coverage.audited:,} class pairs"
        raise InputRefused("a complete audit", found, "give a larger --time-budget or fewer --pairs and audit again")
    drafts = list(_drafts(results))
    if not drafts:
        raise InputRefused("an audit with measures to limit", "none", "audit at least one pair")
    return "\n".join([*_head(results), *(_written(draft) for draft in drafts), *_tail(drafts)])


def looks(results: Results) -> Iterator[Look]:
    """What a first policy looks at: performance, generation and the headline measures that read one way."""
    yield Look("performance.accuracy", "", "samples", "Accuracy on the test samples")
    yield Look("performance.ece", "", "samples", "Expected calibration error")
    yield Look("generation.success_rate", "mean", "trained", "Sources that reach the boundary")
    ranked = results.summary.ranked_by
    shown = [id for id, d in results.definitions.items() if d.headline and id != ranked]
    for id in [ranked, *shown]:
        if id not in results.definitions or results.definitions[id].better not in SIDES:
            continue
        name, title = f"characteristics.{id}", results.definitions[id].title
        if depends_on_generator(id):
            yield Look(name, "mean", "trained", title)
        else:
            yield Look(name, "mean", "attack", title)
            yield Look(name, "worst", "attack", title)


def observed(results: Results, look: Look) -> Interval | None:
    """What a rule would see, before it widens the interval for many places; None where it is not measured everywhere.

    Of the worst place it is the value and the interval there.
    """
    found = values(results, look.measure)
    places = {c: m.interval for c, m in found.items() if isinstance(m, Measure)}
    if not places or len(places) < len(found):
        return None
    if look.aggregate == "mean":
        return mean_over(results, look.measure)(places)
    least = known(look.measure, results.definitions, look.measure).meaning.better == "higher"
    return (min if least else max)(places.values(), key=lambda i: i.value)


def _drafts(results: Results) -> Iterator[Draft]:
    """The rules for what is measured everywhere and has an interval that leaves room for a limit."""
    for look in looks(results):
        measure, found = known(look.measure, results.definitions, look.measure), observed(results, look)
        key = SIDES.get(measure.meaning.better)
        if key is None or found is None:
            continue
        count = len(values(results, look.measure)) if look.aggregate == "worst" else 1
        if (limit := limit_for(found, key, count, SPREAD[look.source], measure)) is not None:
            yield Draft(look, key, limit, found)


def limit_for(observed: Interval, key: str, count: int, spread: float, measure: Known) -> float | None:
    """The limit of a rule, rounded away from the value; None for a point, a whole scale or what no number fits."""
    value, sigma = observed.value, deviation(observed)
    if sigma == 0:
        return None
    reach = math.sqrt(2) * spread * NormalDist().inv_cdf(1 - RISK / count) - z_for(count)
    raw = value + (-reach if key == "min" else reach) * sigma
    if not math.isfinite(raw) or 0 < abs(raw) < SMALLEST:
        return None
    limit = rounded_away(raw, down=key == "min")
    lower, upper = measure.meaning.bounds
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
    asked = first_coverage(results)
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
        "# An audit of fewer or other pairs, from fewer sources or by another profile fails.",
        "[coverage]",
        *(f"{key} = {_toml(getattr(asked, key))}" for key in asked.asked),
        "",
    ]


def _toml(value: object) -> str:
    """A whole number, a text or a list of texts as TOML has it."""
    # A name that is not printable stands as an index, see first_coverage, so nothing is left that TOML would refuse.
    return json.dumps(value, ensure_ascii=False)


def _written(draft: Draft) -> str:
    value, low, high = (number(n) for n in draft.observed)
    lines = [
        f"# {json.dumps(draft.look.title)[1:-1]}: {value} [{low}, {high}]"
        + {"worst": " at the worst place", "mean": " on average"}.get(draft.look.aggregate, ""),
        "[[rules]]",
        f"measure = {json.dumps(draft.look.measure)}",
        *([f'aggregate = "{draft.look.aggregate}"'] if draft.look.aggregate else []),
        f"{draft.key} = {draft.limit!r}",
        "",
    ]
    return "\n".join(lines)


def _tail(drafts: list[Draft]) -> list[str]:
    means = [draft for draft in drafts if draft.look.aggregate == "mean"] or drafts
    draft = means[0]
    change = "max_decrease" if draft.key == "min" else "max_increase"
    return [
        "# With --baseline RESULTS.json a rule can speak of the change instead:",
        "# [[rules]]",
        f"# id = {json.dumps(f'{draft.look.measure} change')}",
        f"# measure = {json.dumps(draft.look.measure)}",
        *([f'# aggregate = "{draft.look.aggregate}"'] if draft.look.aggregate else []),
        f'# {change} = "10 %"',
        "",
    ]
