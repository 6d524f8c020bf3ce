"""How far an audit came with its pairs, in words: the time budget was spent before all were audited in full."""

from __future__ import annotations

from auditor.documents.results import Level, Pair
from auditor.render.names import display_text
from auditor.render.rounding import count
from auditor.render.view.lookups import Audit

MARKS: dict[Level, str] = {"screened": "screened", "outlined": "outlined", "full": ""}
"""What stands beside the name of a pair that was not audited in full."""
MEANING: dict[Level, str] = {
    "outlined": "An outlined pair has every measure on a few boundary instances that took no training, to a coarser "
    "precision, and margins of a few test samples.",
    "screened": "A screened pair has margins of a few test samples, and nothing of the boundary itself.",
}


def mark(pair: Pair) -> str:
    """What is added to the name of a pair in a list; empty for one that was audited in full."""
    return f" ({MARKS[pair.level]})" if MARKS[pair.level] else ""


def depth_words(audit: Audit) -> list[str]:
    """How many pairs came how far and what that means; empty where all were audited in full."""
    levels = audit.results.coverage.levels
    if not levels:
        return []
    meant = [text for level, text in MEANING.items() if levels.get(level)]
    return [f"Not every pair was audited in full: {display_text(audit.results.coverage.reason, 240)}.", *meant]


def depth_of(pair: Pair) -> list[str]:
    """How far the audit came with one pair and why; empty where it was audited in full."""
    samples = max((len(d.margins["test"].index) for d in pair.directions if "test" in d.margins), default=0)
    margins = f"margins of {count(samples)} test samples of each class"
    if pair.level == "screened":
        return [f"Only screened, {margins}: the time budget was spent."]
    if pair.level == "outlined":
        started = max(d.generation.requested for d in pair.directions)
        return [f"Only outlined, from {count(started)} sources without training, {margins}: the time budget was spent."]
    return []
