"""The cover and page 1: what was audited, the verdict and its reason, findings, one map, one strip."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from markupsafe import Markup

from auditor.render.names import display_name, display_text
from auditor.render.rounding import THIN, count, is_share, shown, shown_interval, value_text
from auditor.render.view.audit import Audit
from auditor.render.view.drawing import class_map, map_svg
from auditor.render.view.parts import STATUSES, Cell, Column, Figure, Sentence, Status, Table, Term
from auditor.render.view.samples import boundary_strip
from auditor.render.view.words import closest, confidence, fragile_direction, three_findings, verdict
from auditor.results import Rule


@dataclass(frozen=True)
class Flag:
    """A validity check that is not ok."""

    status: Status
    text: str


@dataclass(frozen=True)
class Front:
    """Everything before the first section."""

    model: str
    facts: list[Term]
    flags: list[Flag]
    status: Status
    verdict: str
    reason: str
    rules: Table | None
    findings: list[Sentence]
    map: Figure | None
    strip: Figure | None
    confidence: str
    running: str


def front(audit: Audit, created: datetime.date | None) -> Front:
    """The cover and the summary."""
    results = audit.results
    decision, reason = verdict(audit)
    flags = [
        Flag(STATUSES[v.status], display_text(v.message))
        for level in ("fail", "warn")
        for v in results.validity
        if v.status == level
    ]
    invalid = any(v.status == "fail" for v in results.validity)
    status = Status("fail", "not valid", STATUSES["fail"].mark) if invalid else STATUSES[results.gate.status]
    return Front(
        model=audit.model_name,
        facts=_facts(audit, created),
        flags=flags,
        status=status,
        verdict=decision,
        reason=reason,
        rules=_rules(audit),
        findings=three_findings(audit),
        map=_small_map(audit),
        strip=_strip(audit),
        confidence=confidence(audit),
        running=f"{display_name(results.model.file, 40)} \N{MIDDLE DOT} {status.word}",
    )


def _facts(audit: Audit, created: datetime.date | None) -> list[Term]:
    results = audit.results
    facts = [
        Term("Model", f"{audit.model_name}, {display_name(results.model.format)}"),
        Term("SHA-256", f"{results.model.sha256[:16]}\N{HORIZONTAL ELLIPSIS}", code=True),
        Term("Data", f"{audit.data_name}, {count(len(audit.names))} classes"),
        Term("Audit", f"{display_name(results.tool.name)} {display_name(results.tool.version)}, "
             f"profile {display_name(results.settings.profile)}, seed {results.settings.seed}"),
    ]  # fmt: skip
    if created is not None:
        facts.append(Term("Date", f"{created.day} {created:%B %Y}"))
    return facts


def _rules(audit: Audit) -> Table | None:
    """The gate's rules, those that do not pass first; the reason of a pass is in its numbers."""
    gate = audit.results.gate
    if gate.status == "not_configured":
        return None
    columns = [Column("Rule", numeric=False), Column("Observed", "95 % interval"), Column("Threshold"),
               Column("Status", numeric=False)]  # fmt: skip
    order = ("fail", "not_measured", "warn", "pass")
    rows = [
        [
            Cell(display_name(rule.id), "" if rule.status == "pass" else _why(audit, rule)),
            _observed(rule),
            Cell(_threshold(rule)),
            Cell("", status=STATUSES[rule.status]),
        ]
        for rule in sorted(gate.rules, key=lambda rule: order.index(rule.status))
    ]
    return Table("The gate\N{RIGHT SINGLE QUOTATION MARK}s rules", columns, rows)


def _threshold(rule: Rule) -> str:
    """The limit in the unit of the observed number beside it: a policy's 0.95 is a reader's 95 %."""
    words, _, number = rule.threshold.rpartition(" ")
    if rule.limit is None or not words or number == "%" or not is_share(rule.unit):
        return display_name(rule.threshold)
    return f"{display_name(words)} {100 * abs(rule.limit):.4g}{THIN}%"


def _observed(rule: Rule) -> Cell:
    if rule.value is None or rule.ci_low is None or rule.ci_high is None:
        return Cell(display_name(rule.observed))
    text = shown_interval(rule.value, rule.ci_low, rule.ci_high, rule.unit)
    return Cell(text.full)


def _why(audit: Audit, rule: Rule) -> str:
    """Where a rule is broken, as the numbers stand beside it; the message of one that has no number."""
    if rule.value is None or rule.ci_low is None:
        return display_text(rule.message, 240)
    place = ""
    if rule.classes:
        kind = audit.results.definitions.get(rule.measure.rsplit(".", 1)[-1])
        pair = kind is not None and kind.scope == "pair"
        label = audit.dash if pair else audit.arrow
        place = (
            f"{label((rule.classes[0], rule.classes[1])) if len(rule.classes) == 2 else audit.name(rule.classes[0])}: "
        )
    lies = "the limit lies inside the interval" if rule.status == "warn" else "the whole interval lies beyond the limit"
    return f"{place}{lies}"


def _small_map(audit: Audit) -> Figure | None:
    id = audit.results.summary.ranked_by
    plan = class_map(audit, id) if id in audit.results.definitions else None
    worst, middle = closest(audit), audit.median(id)
    if plan is None or worst is None or middle is None:
        return None
    a, b = (audit.name(c) for c in worst.classes)
    title = f"{a} to {b} is closest: {shown(worst.measure).value}, median {value_text(middle, worst.measure.unit)}"
    unit = "%" if is_share(worst.measure.unit) else worst.measure.unit
    return Figure(
        Markup(map_svg(audit, id, plan, 236, False)), title, f"All directions, row to column; dark is close ({unit})."
    )


def _strip(audit: Audit) -> Figure | None:
    if not audit.ranked:
        return None
    source, target = fragile_direction(audit, audit.ranked[0].classes)
    svg = boundary_strip(audit, source, target)
    if svg is None:
        return None
    a, b = audit.name(source), audit.name(target)
    return Figure(
        Markup(svg),
        f"On the boundary between {a} and {b} the model cannot decide",
        "Four boundary instances of the pair whose boundary is closest; under each the "
        "model\N{RIGHT SINGLE QUOTATION MARK}s top two "
        "classes and their probabilities.",
    )
