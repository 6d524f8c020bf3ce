"""The pairs without a page of their own, one row each."""

from __future__ import annotations

from auditor.documents.results import Measure, Pair
from auditor.render.rounding import count, percent, shown, unit_words
from auditor.render.view.depth import MARKS
from auditor.render.view.lookups import Audit
from auditor.render.view.margins import beside_quantile
from auditor.render.view.page_parts import Cell, Column, Table, unknown

MOST = 200
"""Rows of the table; the rest is in results.json."""


def other_pairs(audit: Audit) -> Table | None:
    """Headline measures of every pair that has no page, both directions under each other."""
    pairs = audit.ranked[len(audit.with_page) :]
    if not pairs:
        return None
    headlines = [(id, d) for id, d in audit.definitions.items() if d.headline and d.scope == "direction"]
    columns = [Column("Rank" if audit.is_ranked else "Pair no."), Column("Pair", numeric=False), Column("success")]
    columns += [Column(d.title, unit_words(d)) for _, d in headlines]
    rows = [
        _row(audit, pair, len(audit.with_page) + k + 1, source, target, [id for id, _ in headlines])
        for k, pair in enumerate(pairs[: MOST // 2])
        for source, target in ((d.source, d.target) for d in pair.directions)
    ]
    cut = "" if len(rows) >= 2 * len(pairs) else f", the first {count(MOST // 2)} of {count(len(pairs))} by rank"
    return Table(f"The other pairs{cut}", columns, rows, sortable=True)


def _row(audit: Audit, pair: Pair, rank: int, source: int, target: int, headlines: list[str]) -> list[Cell]:
    direction = audit.directions[source, target]
    generation = direction.generation
    success = percent(generation.boundary / generation.requested) if generation.requested else "n. m."
    row = [
        Cell(str(rank), sort=str(rank)),
        Cell(audit.arrow((source, target)), MARKS[pair.level]),
        Cell(success, sort=str(generation.boundary)),
    ]
    for id in headlines:
        measure = direction.characteristics.get(id)
        beside = beside_quantile(direction, id)
        if isinstance(measure, Measure):
            text = shown(measure)
            row.append(Cell(text.value, text.interval, sort=repr(measure.value), more=beside))
        else:
            row.append(Cell(unknown(measure) if measure else "n. m.", muted=True, more=beside))
    return row
