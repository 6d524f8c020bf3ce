"""What is said on the whole: definitions, coverage, validity, summary and gate follow from what stands below them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from math import comb

from auditor.documents.agreement.numbers import Contradiction, close, interval, meaning, measured, share
from auditor.documents.agreement.own_measures import key_facts, own_measures
from auditor.documents.ranking_and_summary import RANKED_BY, summarise
from auditor.documents.results import ERRORS_COVERED, LEVELS, Results, Rule, SummaryMeasure, Worst

ALWAYS = (
    "output_finite", "batch_consistency", "gradient", "gradient_masking", "coverage", "accuracy", "generation", "jumps",
    "sources", "diversity",
)  # fmt: skip
"""Checks that every audit makes, whatever the model and the data."""
GRAVITY = ("ok", "warn", "fail")
FAILING = ("fail", "not_measured")


def definitions(results: Results) -> Iterator[Contradiction]:
    """Bounds and ideals are of a size that can be measured; those of this tool are as the tool has them."""
    own = own_measures()
    for id, definition in results.definitions.items():
        where = f"definitions.{id[:60]}"
        yield from meaning(where, definition)
        if id in own and (found := key_facts(definition)) != own[id]:
            key = next(key for key in own[id] if own[id][key] != found[key])
            yield Contradiction(f"{where}.{key}", f"{own[id][key]!r}", f"{found[key]!r}")


def coverage(results: Results) -> Iterator[Contradiction]:
    """The pairs there, those missing and the errors between them."""
    found, classes = results.coverage, len(results.data.class_names)
    audited = {pair.classes for pair in results.pairs}
    if found.audited != len(results.pairs):
        yield Contradiction("coverage.audited", f"{len(results.pairs)}, the pairs there", f"{found.audited}")
    if not found.audited <= found.requested <= found.possible <= comb(classes, 2):
        said = f"at most {comb(classes, 2)} possible pairs, requested of them, audited of those"
        yield Contradiction("coverage", said, f"{found.possible}, {found.requested} and {found.audited}")
    missing = set(found.missing)
    sound = all(0 <= a < b < classes for a, b in missing) and not missing & audited
    if not sound or len(missing) < len(found.missing) or len(missing) > found.requested - found.audited:
        yield Contradiction("coverage.missing", "pairs asked for that are not there", "others")
    levels = Counter(pair.level for pair in results.pairs)
    if found.levels != (
        {level: levels[level] for level in LEVELS if levels[level]} if levels.keys() - {"full"} else {}
    ):
        yield Contradiction("coverage.levels", f"{dict(levels)}, of the pairs there", f"{found.levels}")
    if not set(found.shallow) <= {pair.classes for pair in results.pairs if pair.level != "full"}:
        yield Contradiction("coverage.shallow", "pairs below the full level", "others")
    if bool(found.reason) != (found.audited < found.requested or bool(found.levels)):
        said = "a reason why pairs are missing" if not found.reason else "none, as all that was asked for is there"
        yield Contradiction("coverage.reason", said, "none" if not found.reason else "one")
    sought = [pair for pair in results.pairs if pair.level != "screened"]
    empty = [(d.source, d.target) for pair in sought for d in pair.directions if not d.generation.boundary]
    if sorted(found.empty) != sorted(empty):
        yield Contradiction("coverage.empty", f"{len(empty)} directions without an instance", f"{len(found.empty)}")
    wrong = [
        (min(label, said), max(label, said))
        for label, said in zip(results.samples.test.label, results.samples.test.predicted, strict=True)
        if said is not None and said != label
    ]
    where = "coverage.errors_covered"
    yield from measured(where, found.errors_covered, ERRORS_COVERED)
    yield from share(where, found.errors_covered, sum(pair in audited for pair in wrong), len(wrong))


def validity(results: Results) -> Iterator[Contradiction]:
    """Every check that an audit always makes, once, and no better than the numbers allow."""
    ids = [check.id for check in results.validity]
    if twice := next((id for id in ids if ids.count(id) > 1), None):
        yield Contradiction("validity", "each check once", f"{twice[:60]!r} twice")
    if lacking := [id for id in ALWAYS if id not in ids]:
        yield Contradiction("validity", f"the check {lacking[0]}, which every audit makes", "none")
        return
    status = {check.id: check.status for check in results.validity}
    for id, least, reason in _least(results):
        if GRAVITY.index(status[id]) < GRAVITY.index(least):
            yield Contradiction(f"validity {id}", f"{least}, since {reason}", status[id])


def _least(results: Results) -> Iterator[tuple[str, str, str]]:
    """Checks that cannot have come out better, and why."""
    directions = [direction for pair in results.pairs if pair.level == "full" for direction in pair.directions]
    asked = sum(direction.generation.requested for direction in directions)
    reached = sum(direction.generation.boundary for direction in directions)
    if (directions or not results.pairs) and (not reached or 2 * reached < asked):
        yield "generation", "fail", f"{reached} of {asked} sources reached the boundary"
    empty, every = len(results.coverage.empty), 2 * len(results.pairs)
    if every and 2 * empty > every:
        yield "coverage", "fail", f"{empty} of {every} directions have no instance"
    elif empty or results.coverage.partial:
        yield "coverage", "warn", "pairs or directions are missing"
    if None in results.samples.test.predicted:
        yield "output_finite", "fail", "outputs are not finite"


def summary(results: Results) -> Iterator[Contradiction]:
    """Means, worst places and the ranking are those of the pairs."""
    found = results.summary
    expected = summarise(results.pairs, results.definitions)
    if found.ranked_by not in RANKED_BY:
        yield Contradiction("summary.ranked_by", " or ".join(RANKED_BY), f"{found.ranked_by[:60]!r}")
    if found.ranking != expected.ranking:
        yield Contradiction("summary.ranking", "the pairs by their smaller margin", "another order")
    if found.characteristics.keys() != expected.characteristics.keys():
        yield Contradiction("summary.characteristics", "the measures that definitions name", "others")
        return
    for id, value in expected.characteristics.items():
        yield from _mean(f"summary of {id[:60]}", found.characteristics[id], value)


def _mean(where: str, found: object, expected: object) -> Iterator[Contradiction]:
    if not isinstance(expected, SummaryMeasure) or not isinstance(found, SummaryMeasure):
        if type(found) is not type(expected):
            said = "a mean" if isinstance(expected, SummaryMeasure) else "none, as no place has it"
            yield Contradiction(where, said, "none" if isinstance(expected, SummaryMeasure) else "one")
        return
    yield from interval(where, found.mean, found.ci_low, found.ci_high)
    for name in ("mean", "ci_low", "ci_high"):
        here, there = getattr(found, name), getattr(expected, name)
        if (here is None) != (there is None) or (here is not None and not close(here, there, 1e-5)):
            yield Contradiction(f"{where}, {name}", f"{there}, as of its places", f"{here}")
    if _place(found.worst) != _place(expected.worst):
        yield Contradiction(f"{where}, worst", _place(expected.worst), _place(found.worst))


def _place(worst: Worst | None) -> str:
    return "none" if worst is None else f"{worst.value:.6g} at {worst.classes[0]}:{worst.classes[1]}"


def gate(results: Results) -> Iterator[Contradiction]:
    """The verdict is what its rules say, and the rules say no better than their numbers."""
    found, classes = results.gate, len(results.data.class_names)
    if found.status == "not_configured":
        if found.rules or found.holds or found.undecided or found.beyond or found.failed:
            yield Contradiction("gate", "no rules where none is configured", "some")
        return
    failed = sum(rule.status in FAILING for rule in found.rules)
    if not found.rules:
        yield Contradiction("gate.rules", f"rules behind the verdict {found.status}", "none")
    elif (found.status == "failed") != bool(failed):
        said = f"{'failed' if failed else 'passed'}, as {failed} of {len(found.rules)} rules fail"
        yield Contradiction("gate.status", said, found.status)
    counts = {"holds": sum(rule.status == "pass" for rule in found.rules), "failed": failed}
    for name, count in counts.items():
        if getattr(found, name) != count:
            yield Contradiction(f"gate.{name}", f"{count}, as the rules say", f"{getattr(found, name)}")
    if not 0 <= found.undecided <= sum(rule.status == "warn" for rule in found.rules):
        yield Contradiction("gate.undecided", "no more than rules that warn", f"{found.undecided}")
    if not 0 <= found.beyond <= len(found.rules):
        yield Contradiction("gate.beyond", "no more than there are rules", f"{found.beyond}")
    broken = [check.id for check in results.validity if check.status == "fail"]
    if broken and found.status == "passed":
        yield Contradiction("gate.status", f"failed, as the validity check {broken[0][:60]} fails", found.status)
    for rule in found.rules:
        yield from _rule(f"rule {rule.id[:60]!r} of the gate", rule, classes)


def _rule(where: str, rule: Rule, classes: int) -> Iterator[Contradiction]:
    if not all(0 <= index < classes for index in rule.classes) or len(rule.classes) > 2:
        yield Contradiction(where, f"a place of classes below {classes}", "another")
    if rule.needed_n is not None and not 0 <= rule.needed_n < 10**18:
        yield Contradiction(where, "a number of samples that would decide", "another")
    if rule.limit is not None and abs(rule.limit) > 1e15:
        yield Contradiction(where, "a limit below 1e+15", f"{rule.limit:g}")
    if rule.value is None:
        return
    yield from interval(where, rule.value, rule.ci_low, rule.ci_high)
    low = -math.inf if rule.ci_low is None else rule.ci_low
    high = math.inf if rule.ci_high is None else rule.ci_high
    if rule.status == "pass" and rule.measure and rule.limit is not None and low < rule.limit < high:
        yield Contradiction(where, "no pass, as its limit lies inside the interval", "pass")
