"""The cover and page 1: what was audited, the verdict and its reason, findings, one map, one strip."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from markupsafe import Markup

from auditor.render.names import display_name, display_text
from auditor.render.rounding import count, is_share, shown, value_text
from auditor.render.view.extremes import extreme
from auditor.render.view.gate import rules_table
from auditor.render.view.lookups import Audit
from auditor.render.view.page_parts import STATUSES, Figure, Sentence, Status, Table, Term
from auditor.render.view.sample_figures import boundary_strip
from auditor.render.view.shared_figures import class_map, map_svg
from auditor.render.view.summary_words import confidence, fragile_direction, three_findings, verdict


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
        rules=rules_table(audit),
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
        Term("Computed by", display_text(results.model.runtime)),
        Term(audit.digest_name, results.model.digest(16), code=True),
        Term("Data", f"{audit.data_name}, {count(len(audit.names))} classes"),
        Term("Audit", f"{display_name(results.tool.name)} {display_name(results.tool.version)}, "
             f"profile {display_name(results.settings.profile)}, seed {results.settings.seed}"),
    ]  # fmt: skip
    if created is not None:
        facts.append(Term("Date", f"{created.day} {created:%B %Y}"))
    return facts


def _small_map(audit: Audit) -> Figure | None:
    id, definition = audit.results.summary.ranked_by, audit.rank_definition
    plan = class_map(audit, id) if definition is not None else None
    nearest = extreme(audit.found(id), definition)
    middle = audit.median(id)
    if plan is None or nearest is None or middle is None:
        return None
    measure = nearest.first.measure
    a, b = (audit.name(c) for c in nearest.first.classes)
    median = f"median {value_text(middle, measure.scale)}"
    title = f"{a} to {b}, {nearest.among('closest')}: {shown(measure).value}, {median}"
    if nearest.hidden:
        title = f"No direction is clearly the closest: {median}"
    unit = "%" if is_share(measure.scale) else measure.unit
    scope = f"The {count(nearest.of)} audited directions" if audit.part else "All directions"
    caption = f"{scope}, row to column; the closer, the more a cell stands out from the page ({unit})."
    return Figure(Markup(map_svg(audit, id, plan, 236, False)), title, caption)


def _strip(audit: Audit) -> Figure | None:
    if not audit.ranked:
        return None
    source, target = fragile_direction(audit, audit.ranked[0].classes)
    svg = boundary_strip(audit, source, target)
    if svg is None:
        return None
    a, b = audit.name(source), audit.name(target)
    which = "the pair that ranks first" if audit.is_ranked else "the first pair"
    return Figure(
        Markup(svg),
        f"On the boundary between {a} and {b} the model cannot decide",
        f"Boundary instances of {which}; under each the model\N{RIGHT SINGLE QUOTATION MARK}s top two classes "
        "and their probabilities.",
    )
