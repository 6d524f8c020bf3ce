"""The gate: how many rules hold, and its rules as a table. Nothing is said that the rules do not bear out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from auditor.documents.results import LIMIT_WORDS, Rule, forecast
from auditor.render.names import display_name, display_text
from auditor.render.rounding import THIN, count, is_share, shown_interval
from auditor.render.view.lookups import Audit
from auditor.render.view.page_parts import STATUSES, Cell, Column, Table

Standing = Literal["holds", "undecided", "broken", "missing", "waived"]
ORDER = ("fail", "not_measured", "waived", "warn", "pass")


def gate_words(rules: Sequence[Rule]) -> str:
    """How many rules hold, cannot be decided, stand beyond their limit, are broken or were not measured."""
    by = {
        kind: [rule for rule in rules if standing(rule) == kind]
        for kind in ("holds", "undecided", "broken", "missing", "waived")
    }
    if rules and len(by["holds"]) == len(rules):
        return f"All {count(len(rules))} rules hold." if len(rules) > 1 else "Its rule holds."
    said = [f"{count(len(by['holds']))} of {count(len(rules))} rules hold{'s' if len(by['holds']) == 1 else ''}"]
    failed = [rule for rule in by["broken"] if rule.status == "fail"]
    if failed:
        said.append(f"{count(len(failed))} failed")
    if by["missing"]:
        said.append(f"{count(len(by['missing']))} could not be measured")
    if warned := len(by["broken"]) - len(failed):
        said.append(f"{count(warned)} gave a warning")
    if by["waived"]:
        said.append(_waived(by["waived"]))
    if by["undecided"]:
        said.append(_undecided(by["undecided"]))
    first = next(iter(failed or by["missing"] or [r for r in by["undecided"] if r.status == "fail"]), None)
    return "; ".join(said) + "." + (f" The first: {display_text(first.message)}" if first is not None else "")


def _waived(rules: Sequence[Rule]) -> str:
    """Rules that do not hold and are waived, the first by its reason and last day."""
    text = f"{count(len(rules))} {'does not hold and is' if len(rules) == 1 else 'do not hold and are'} waived"
    if (waiver := rules[0].waiver) is None:
        return text
    return f"{text}, {display_name(rules[0].id)} until {display_name(waiver.until)}: {display_text(waiver.reason, 160)}"


def _undecided(rules: Sequence[Rule]) -> str:
    """Rules whose limit lies inside the interval, and in how many the observed value is beyond it all the same."""
    text = f"{count(len(rules))} cannot be decided with this many samples{_would_decide(rules)}"
    if any(rule.status == "fail" for rule in rules):
        text += f" and count{'s' if len(rules) == 1 else ''} as failed"
    beyond = sum(value_beyond(rule) for rule in rules)
    return f"{text}, {count(beyond)} of them observed beyond the limit" if beyond else text


def _would_decide(rules: Sequence[Rule]) -> str:
    """How many samples would decide, as far as it is known."""
    needed = [rule.needed_n for rule in rules if rule.needed_n is not None]
    if not needed:
        return ""
    which = "" if len(needed) == len(rules) else f" {count(len(needed))} of them"
    return f" ({forecast(max(needed)).lower()} would decide{which})"


def standing(rule: Rule) -> Standing:
    """How a rule stands by its numbers, whatever the gate makes of it."""
    if rule.status == "waived":
        return "waived"
    if rule.status == "not_measured":
        return "missing"
    if rule.status == "pass":
        return "holds"
    return "undecided" if limit_inside(rule) else "broken"


def limit_inside(rule: Rule) -> bool:
    """Whether the limit lies inside the rule's interval; without an interval only a warning for a failure says so."""
    if rule.value is None or rule.limit is None:
        return False
    if rule.ci_low is None and rule.ci_high is None:
        return (rule.status, rule.severity) == ("warn", "fail")
    low = float("-inf") if rule.ci_low is None else rule.ci_low
    high = float("inf") if rule.ci_high is None else rule.ci_high
    return low <= rule.limit <= high


def value_beyond(rule: Rule) -> bool:
    """Whether the observed value itself is on the bad side of the limit."""
    if rule.value is None or rule.limit is None:
        return False
    return rule.value < rule.limit if rule.key in ("min", "max_decrease") else rule.value > rule.limit


def rules_table(audit: Audit) -> Table | None:
    """The gate's rules, those that do not pass first; the reason of a pass is in its numbers."""
    gate = audit.results.gate
    if gate.status == "not_configured":
        return None
    columns = [Column("Rule", numeric=False), Column("Observed", "95 % interval"), Column("Threshold"),
               Column("Status", numeric=False)]  # fmt: skip
    rows = [
        [
            Cell(display_name(rule.id), "" if rule.status == "pass" else _why(audit, rule)),
            _observed(rule),
            Cell(_threshold(rule)),
            Cell("", status=STATUSES[rule.status]),
        ]
        for rule in sorted(gate.rules, key=lambda rule: ORDER.index(rule.status))
    ]
    return Table("The gate\N{RIGHT SINGLE QUOTATION MARK}s rules", columns, rows)


def _threshold(rule: Rule) -> str:
    """The limit in the unit of the observed number beside it: a policy's 0.95 is a reader's 95 %."""
    if rule.limit is None or rule.key is None or not is_share(rule.scale):
        return display_name(rule.threshold)
    return f"{LIMIT_WORDS[rule.key]} {100 * abs(rule.limit):.4g}{THIN}%"


def _observed(rule: Rule) -> Cell:
    if rule.value is None or not rule.measure:  # a number of pairs or sources is counted, not measured
        return Cell(display_name(rule.observed))
    return Cell(shown_interval(rule.value, rule.ci_low, rule.ci_high, rule).full)


def _why(audit: Audit, rule: Rule) -> str:
    """Where a rule is broken, as the numbers stand beside it; the message of one that has no number or is waived."""
    if rule.value is None or rule.limit is None or not rule.measure or rule.status == "waived":
        return display_text(rule.message, 240)
    place = ""
    if rule.classes:
        kind = audit.results.definitions.get(rule.measure.rsplit(".", 1)[-1])
        pair = kind is not None and kind.scope == "pair"
        label = audit.dash if pair else audit.arrow
        place = (
            f"{label((rule.classes[0], rule.classes[1])) if len(rule.classes) == 2 else audit.name(rule.classes[0])}: "
        )
    if not limit_inside(rule):
        return f"{place}the whole interval lies beyond the limit"
    value = "beyond" if value_beyond(rule) else "within"
    would = f"; {forecast(rule.needed_n).lower()} would decide" if rule.needed_n is not None else ""
    return f"{place}the limit lies inside the interval; the observed value is {value} it{would}"
