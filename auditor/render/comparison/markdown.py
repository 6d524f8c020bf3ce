"""``compare.md``: the comparison for a comment on a pull request."""

from __future__ import annotations

from auditor.documents.comparison import Comparison
from auditor.documents.results import Measure
from auditor.render.comparison.lookups import Sides, signed
from auditor.render.comparison.words import findings, verdict
from auditor.render.markdown_escapes import code, prose, row
from auditor.render.rounding import shown
from auditor.untrusted_text import visible

PLACES = 5


def summary(comparison: Comparison) -> str:
    """The whole text."""
    sides = Sides(comparison)
    status, decision, reason = verdict(sides)
    head = (
        f"### {status.word[:1].upper() + status.word[1:]}: {code(comparison.candidate.model.file)} against "
        f"{code(comparison.baseline.model.file)} on {code(comparison.candidate.data.name)}\n\n"
        f"**{prose(decision)}** {prose(reason, 600)}"
    )
    flags = "\n".join(f"- {flag.status}: {prose(flag.message)}" for flag in comparison.flags)
    said = "\n".join(f"- {prose(finding.text)}" for finding in findings(sides))
    blocks = (head, flags, said, _table(sides))
    return visible("\n\n".join(block for block in blocks if block), keep="\n") + "\n"


def _table(sides: Sides) -> str:
    id = sides.comparison.ranked_by
    worse = [p for p in sides.places(id) if p.compared.change in ("worse", "better")]
    worse.sort(key=lambda p: (p.compared.change != "worse", p.compared.p or 0.0))
    if not worse:
        return ""
    names = sides.comparison.candidate.data.class_names
    lines = [row(["Direction", "Candidate", "Baseline", "Change", ""]), "|---|---|---|---|---|"]
    for place in worse[:PLACES]:
        now, then, change = place.compared.candidate, place.compared.baseline, place.compared.difference
        if isinstance(now, Measure) and isinstance(then, Measure) and isinstance(change, Measure):
            a, b = (code(names[c]) for c in place.classes)
            values = [prose(shown(now).full), prose(shown(then).full), prose(signed(change).full)]
            lines.append(row([f"{a} to {b}", *values, place.compared.change]))
    definition = sides.comparison.definitions[id]
    return f"{prose(definition.title)} \\({prose(definition.unit)}\\):\n\n" + "\n".join(lines)
