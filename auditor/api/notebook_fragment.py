"""An audit in a notebook: one static piece of HTML, without scripts, that carries all it shows."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from auditor.api.gates import ending, tally
from auditor.documents.results import Measure, Measured, Results
from auditor.render.rounding import plural, shown, unit_words
from auditor.render.view.depth import depth_words, mark
from auditor.render.view.lookups import Audit
from auditor.render.view.shared_figures import class_map, map_svg
from auditor.untrusted_text import visible

PAIRS = 10
"""Pairs that are shown, the most fragile first."""
_CARD = "background:#fff;color:#1c1b19"
"""No colour of a warning stands out enough from a white page and from a dark one, so the fragment brings its own page;
cells have it too, for notebooks give rows a ground of theirs."""
_CELL = f"{_CARD};padding:3px 10px;border:0;border-bottom:1px solid #8884;text-align:left;vertical-align:top"
MARKS = {"fail": "#b3261e", "warn": "#8a5a00", "passed": "#2e6b34", "failed": "#b3261e"}


def fragment(results: Results) -> str:
    """The verdict, what stands against the numbers, the headline measures of the first pairs, a map if it is small."""
    audit = Audit(results)
    whole = Markup(
        '<div style="{};font:14px/1.45 system-ui,sans-serif;max-width:60em;padding:8px 12px">{}</div>'
    ).format(_CARD, Markup("").join([*_head(audit), *_against(results), _measures(audit), *_map(audit)]))
    return visible(whole, keep="\n")  # whatever a sentence forgot


def _head(audit: Audit) -> Iterator[Markup]:
    results, gate = audit.results, audit.results.gate
    yield Markup('<p style="margin:0 0 .4em"><b>{}</b> on {}</p>').format(audit.model_name, audit.data_name)
    accuracy = results.performance.accuracy
    text = f"accuracy {shown(accuracy).full}, " if isinstance(accuracy, Measure) else ""
    coverage = results.coverage
    pairs = f"{coverage.audited:,} of {coverage.requested:,} pairs"
    yield Markup('<p style="margin:0 0 .4em">{}{} audited, {:,} boundary instances</p>').format(
        text, pairs, audit.instances
    )
    if depth := " ".join(depth_words(audit)):
        yield _line("warn", "in part", depth)
    if gate.status != "not_configured":
        yield _line(gate.status, f"gate {gate.status}", tally(gate))


def _against(results: Results) -> Iterator[Markup]:
    """What stands against the numbers, and the rules that do not pass."""
    if results.gate.status == "not_configured" and (problem := ending(results)) is not None:
        yield _line("fail", "not to be used", str(problem))
    for check in results.validity:
        if check.status != "ok":
            yield _line(check.status, check.status, check.message)
    for rule in results.rules_apart:
        if rule.status != "pass":
            yield _line(
                "warn" if rule.status in ("warn", "waived") else "fail", f"{rule.id}: {rule.status}", rule.message
            )


def _line(mark: str, word: str, text: str) -> Markup:
    return Markup('<p style="margin:0 0 .4em"><b style="color:{}">{}</b> {}</p>').format(MARKS[mark], word, text)


def _measures(audit: Audit) -> Markup:
    """A row for each direction of the first pairs, and for each pair where a measure is of the pair."""
    headlines = {id: d for id, d in audit.definitions.items() if d.headline}
    head = [Markup("<th style='{}'>{}<br><span style='font-weight:400;opacity:.7'>{}</span></th>").format(
        _CELL, d.title, unit_words(d)) for d in headlines.values()]  # fmt: skip
    rows = []
    for pair in audit.ranked[:PAIRS]:
        for direction in pair.directions:
            place = audit.arrow((direction.source, direction.target)) + mark(pair)
            found = [(pair if d.scope == "pair" else direction).characteristics.get(id) for id, d in headlines.items()]
            cells = Markup("").join(_cell(measured) for measured in found)
            rows.append(Markup("<tr><th style='{};font-weight:600'>{}</th>{}</tr>").format(_CELL, place, cells))
    left = len(audit.ranked) - PAIRS
    after = ", ranked after these" if audit.is_ranked else ""
    more = Markup("<p style='margin:.3em 0'>{}{}</p>").format(plural(left, "more pair"), after) if left > 0 else ""
    return Markup(
        "<div style='overflow-x:auto'><table style='border-collapse:collapse;margin:.6em 0;font:inherit'>"
        "<tr><th style='{}'></th>{}</tr>{}</table></div>{}"
    ).format(_CELL, Markup("").join(head), Markup("").join(rows), more)


def _cell(measured: Measured | None) -> Markup:
    if isinstance(measured, Measure):
        text = shown(measured)
        return Markup("<td style='{}'>{} <span style='opacity:.7'>{}</span></td>").format(
            _CELL, text.value, text.interval
        )
    return Markup("<td style='{}' title='{}'>not measured</td>").format(
        _CELL, measured.not_measured if measured else ""
    )


def _map(audit: Audit) -> Iterator[Markup]:
    """The map of the measure that pairs are ranked by, where it says something."""
    id = audit.results.summary.ranked_by
    plan = class_map(audit, id) if id in audit.results.definitions else None
    if plan is not None:
        definition = audit.results.definitions[id]
        # The drawing escapes what it writes.
        yield Markup(
            "<figure style='margin:0;overflow-x:auto'><figcaption>{} ({}), from row to column</figcaption>{}</figure>"
        ).format(definition.title, unit_words(definition), Markup(map_svg(audit, id, plan, 296, True)))


def lines(text: str) -> str:
    """Lines of text as they stand."""
    return str(Markup("<pre style='white-space:pre-wrap'>{}</pre>").format(text))
