"""``summary.md`` and ``compare.md``: the verdict for a comment on a pull request.

Comments show no ``data:`` picture and no relative link, so the pictures are made of characters: bars beside the most
fragile pairs, and a map of all classes in a code block. Everything else is in the report, which the job keeps.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.documents.comparison import Comparison
from auditor.documents.results import Measure, Results, Rule, Validity
from auditor.render.base import comparison_output, output
from auditor.render.comparison import markdown as comparison
from auditor.render.markdown_escapes import code, prose, row
from auditor.render.rounding import plural, shown
from auditor.render.view.depth import mark
from auditor.render.view.extremes import closest_pair
from auditor.render.view.lookups import Audit
from auditor.render.view.shared_figures import shown_classes
from auditor.render.view.summary_words import confidence, three_findings, verdict
from auditor.untrusted_text import visible

PAIRS, RULES, MAP_UP_TO = 5, 20, 16
BAR = 12
SHADES = " \N{LIGHT SHADE}\N{MEDIUM SHADE}\N{DARK SHADE}\N{FULL BLOCK}"
WORDS = {"pass": "pass", "warn": "warning", "fail": "**fail**", "not_measured": "**not measured**", "ok": "ok",
         "waived": "waived"}  # fmt: skip
GATE = {"passed": "Passed", "failed": "Failed", "not_configured": "No gate"}


@dataclass(frozen=True)
class MarkdownOutput:
    """The verdict, the rules that do not pass, and the most fragile pairs, as Markdown."""

    file_name: str = "summary.md"
    summary: str = "the verdict and the most fragile pairs, fit for a comment on a pull request"

    def render(self, document: Results | Comparison, created: datetime.date | None = None) -> bytes:
        """The document as UTF-8; ``created`` is not part of it."""
        text = comparison.summary(document) if isinstance(document, Comparison) else summary(document)
        return text.encode("utf-8")


def summary(results: Results) -> str:
    """The whole text."""
    audit = Audit(results)
    blocks = [_heading(audit), _flags(results.validity), _rules(results), _findings(audit), _pairs(audit), _map(audit),
              prose(confidence(audit)) + " The report of this audit has everything else."]  # fmt: skip
    return visible("\n\n".join(block for block in blocks if block), keep="\n") + "\n"


def _heading(audit: Audit) -> str:
    results = audit.results
    decision, reason = verdict(audit)
    status = "Not valid" if audit.broken else GATE[results.gate.status]
    return (
        f"### {status}: decision boundary of {code(results.model.file)} on {code(results.data.name)}\n\n"
        f"**{prose(decision)}** {prose(reason, 600)}"
    )


def _flags(checks: Sequence[Validity]) -> str:
    said = [check for level in ("fail", "warn") for check in checks if check.status == level]
    return "\n".join(f"- {WORDS[check.status]}: {prose(check.message)}" for check in said)


def _rules(results: Results) -> str:
    rules = sorted(
        (rule for rule in results.rules_apart if rule.status != "pass"),
        key=lambda r: ("fail", "not_measured", "waived", "warn").index(r.status),
    )
    passed = sum(r.status == "pass" for r in results.gate.rules)
    if not results.gate.rules:
        return ""
    lines = [row(["Rule", "Observed", "Threshold", "Status"]), "|---|---|---|---|"]
    lines += [row(list(_rule(rule))) for rule in rules[:RULES]]
    left = f" and {plural(len(rules) - RULES, 'more rule')} that did not" if len(rules) > RULES else ""
    return ("\n".join(lines) + "\n\n" if rules else "") + f"{plural(passed, 'rule')} passed{left}."


def _rule(rule: Rule) -> Iterator[str]:
    yield code(rule.id, 60)
    if rule.value is not None:
        yield prose(f"{rule.observed}")
    else:
        yield prose(rule.message if rule.status == "not_measured" else rule.observed, 160)
    yield prose(rule.threshold)
    if rule.waiver is not None:
        yield f"{WORDS[rule.status]} until {prose(rule.waiver.until)}: {prose(rule.waiver.reason, 160)}"
    else:
        yield WORDS[rule.status]


def _findings(audit: Audit) -> str:
    return "\n".join(f"- {prose(finding.text)}" for finding in three_findings(audit))


def _pairs(audit: Audit) -> str:
    """The most fragile pairs by the nearer direction, with bars on a common scale."""
    by, definition = audit.results.summary.ranked_by, audit.rank_definition
    rows = [(pair, found) for pair in audit.ranked if (found := audit.of_pair(by, pair))]
    if definition is None or not rows:
        return ""
    most = max(f.measure.value for f in audit.found(by)) or 1.0
    lines = [row(["Pair", "", "There", "Back"]), "|---|---|---|---|"]
    for pair, found in rows[:PAIRS]:
        values = {f.classes: f.measure for f in found}
        worst = max(values.values(), key=lambda m: definition.badness(m.value))
        a, b = pair.classes
        names = f"{code(pair.names[0])} and {code(pair.names[1])}{mark(pair)}"
        bar = "\N{FULL BLOCK}" * max(round(BAR * worst.value / most), 1)
        lines.append(row([names, bar, _value(values.get((a, b))), _value(values.get((b, a)))]))
    first, superlative = closest_pair(audit), "closest"
    tied = f" {prose(f'The first is {first.among(superlative)}.')}" if first is not None and first.tied else ""
    audited = "audited " if audit.part else ""
    which = "the pairs that rank first of " if len(rows) > 1 else ""
    title = f"{prose(definition.title)} \\({prose(definition.unit)}\\) of {which}{plural(len(rows), f'{audited}pair')}:"
    return f"{title}{tied}\n\n" + "\n".join(lines)


def _value(measure: Measure | None) -> str:
    return "not measured" if measure is None else prose(shown(measure).full)


def _map(audit: Audit) -> str:
    """All classes by all classes, fuller where the boundary is nearer."""
    by, definition = audit.results.summary.ranked_by, audit.rank_definition
    classes = shown_classes(audit)
    badness = {f.classes: definition.badness(f.measure.value) for f in audit.found(by)} if definition else {}
    if definition is None or not 3 <= len(classes) <= MAP_UP_TO or len(badness) < len(classes):
        return ""
    low, span = min(badness.values()), (max(badness.values()) - min(badness.values())) or 1.0

    def cell(a: int, b: int) -> str:
        if (a, b) not in badness:
            return " \N{MIDDLE DOT}" if a != b else "  "
        return 2 * SHADES[1 + min(int(4 * (badness[a, b] - low) / span), 3)]

    names = [_short(audit.name(c)) for c in classes]
    width = max(map(len, names))
    # Indented, so that no name can look like the end of the code block.
    rows = {a: "".join(cell(a, b) for b in classes) for a in classes}
    lines = [f"    {name:<{width}} {rows[a]}" for name, a in zip(names, classes, strict=True)]
    head = "From the class of the row to that of the column, in the same order; the fuller, the nearer:"
    return f"{prose(head)}\n\n```text\n" + "\n".join(lines) + "\n```"


def _short(name: str) -> str:
    return name if len(name) <= 12 else f"{name[:11]}\N{HORIZONTAL ELLIPSIS}"


output("markdown")(MarkdownOutput())
comparison_output("markdown")(MarkdownOutput("compare.md", "the comparison, fit for a comment on a pull request"))
