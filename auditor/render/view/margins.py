"""What stands beside a margin: how many samples the model already puts elsewhere, from how many nothing was found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from auditor.documents.results import Direction, Margins, Measure, Measured, Pair
from auditor.render.rounding import count, number, shown, unit_words
from auditor.render.view.lookups import Audit
from auditor.render.view.page_parts import Cell, Column, Table, unknown
from auditor.render.view.summary_words import MARGIN

Split = Literal["test", "train"]
_MARGIN = re.compile(r"margin_(l2|linf)_attack(_train)?(_q\d+)?")


@dataclass(frozen=True)
class Left:
    """Samples of a direction without a margin to speak of: at 0 from the start, or farther than was tried."""

    samples: int
    at_zero: int
    censored: int
    tried: float | None


def left(margins: Margins, norm: str) -> Left:
    """Counts of one split in one norm."""
    values = margins.l2 if norm == "l2" else margins.linf
    tried = margins.tried_l2 if norm == "l2" else margins.tried_linf
    return Left(len(values), sum(v == 0 for v in values), sum(v is None for v in values), tried)


def beside_quantile(direction: Direction, id: str) -> str:
    """What belongs beside a quantile of margins, such as ``"3 of 36 at 0; 1 farther than 8.1"``; else nothing."""
    match = _MARGIN.fullmatch(id)
    split: Split = "train" if match and match[2] else "test"
    if match is None or split not in direction.margins:
        return ""
    found = left(direction.margins[split], match[1])
    said = f"{count(found.at_zero)} of {count(found.samples)} at 0"
    return f"{said}; {farther(found)}" if found.censored else said


def farther(found: Left) -> str:
    """How many samples are censored, and at what."""
    than = f" than {number(found.tried)}" if found.tried is not None else " than was tried"
    return f"{count(found.censored)} farther{than}"


def margins_table(audit: Audit, pair: Pair) -> Table | None:
    """Margins of both splits side by side, their gap, and the samples that have none; None where nothing was tried."""
    if not any(d.margins for d in pair.directions):
        return None
    columns = [
        Column("Median margin", _unit(audit), numeric=False), Column(f"{audit.unseen} samples"),
        Column("training samples"), Column("gap"), Column("already elsewhere", f"{audit.unseen}; training"),
    ]  # fmt: skip
    counts = [{s: left(m, "l2") for s, m in d.margins.items()} for d in pair.directions]
    censored = any(found.censored for by_split in counts for found in by_split.values())
    if censored:
        columns.append(Column("nothing found", f"{audit.unseen}; training"))
    rows = []
    for d, by_split in zip(pair.directions, counts, strict=True):
        row = [Cell(audit.arrow((d.source, d.target)))]
        row += [_margin(d.characteristics.get(id)) for id in (MARGIN, f"{MARGIN}_train", f"{MARGIN}_gap")]
        row.append(Cell("; ".join(f"{count(f.at_zero)} of {count(f.samples)}" for f in by_split.values())))
        if censored:
            row.append(Cell("; ".join(farther(f) if f.censored else "none" for f in by_split.values())))
        rows.append(row)
    return Table(f"How far samples are from the boundary{'' if audit.is_ranked else ', not measured'}", columns, rows)


def _unit(audit: Audit) -> str:
    definition = audit.results.definitions.get(MARGIN)
    return unit_words(definition) if definition is not None else ""


def _margin(value: Measured | None) -> Cell:
    if isinstance(value, Measure):
        text = shown(value)
        return Cell(text.value, text.interval)
    return Cell(unknown(value) if value is not None else "n. m.", muted=True)
