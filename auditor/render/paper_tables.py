"""Tables on paper: how wide their columns are, measured here so that the PDF's layout need not try every cell first.

The widths are those of the automatic table layout of CSS: the widest unbroken line of each column where all fit, else
between that and the widest word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from auditor.render.figures.measure import text_width
from auditor.render.view.page_parts import Cell, Column, Table

PAGE = 612.0
"""Width of a page's text in CSS pixels."""
SMALL, BESIDE_NUMBER = 0.86, 8.0
"""Size of a second line beside the first, and the room between a number and words to its right: both in report.css."""


@dataclass(frozen=True)
class Look:
    """Size of a table's text and the room between its columns in CSS pixels, as in report.css."""

    size: float
    gap: float


EMPTY = Cell("")
PLAIN, DENSE = Look(32 / 3, 28 / 3), Look(9.6, 22 / 3)


def column_shares(table: Table, kind: str = "") -> list[float]:
    """Width of each column in per cent of the page's text, together 100."""
    look = DENSE if "dense" in kind.split() else PLAIN
    least, most = [], []
    for k, head in enumerate(table.columns):
        room = look.gap if k < len(table.columns) - 1 else 0.0
        room += BESIDE_NUMBER if k and not head.numeric and table.columns[k - 1].numeric else 0.0
        lines = [*_head(head, look.size)]
        for row in table.rows:
            lines += _cell(row[k], head.numeric, look.size, "brief" in kind)
        least.append(room + max(low for low, _ in lines))
        most.append(room + max(high for _, high in lines))
    spare = PAGE - sum(least)
    share = min(max(spare / ((sum(most) - sum(least)) or 1.0), 0.0), 1.0)
    widths = [low + share * (high - low) for low, high in zip(least, most, strict=True)]
    return [round(100 * width / sum(widths), 3) for width in widths]


def _head(column: Column, size: float) -> Iterator[tuple[float, float]]:
    yield _words(column.text, size, bold=True)
    yield _words(column.unit, SMALL * size)


def _cell(cell: Cell, numeric: bool, size: float, brief: bool) -> Iterator[tuple[float, float]]:
    """Width of the widest word and of the whole of each line; numbers are not broken, brief ones stand in one line."""
    if cell.status:
        mark = text_width(f"{cell.status.mark} {cell.status.word}", 0.85 * size, bold=True)
        yield mark, mark
    least, most = _words(cell.text, size)
    if brief and cell.note:
        most += 0.4 * SMALL * size + text_width(cell.note, SMALL * size)
    yield (most if numeric else least), most
    for line in (cell.note, cell.more):
        least, most = _words(line, SMALL * size)
        yield (most if numeric else least), most


def _words(text: str, size: float, bold: bool = False) -> tuple[float, float]:
    whole = text_width(text, size, bold)
    return max((text_width(word, size, bold) for word in text.split()), default=0.0), whole


def spanned(row: list[Cell], columns: list[Column], paper: bool) -> Iterator[tuple[Cell, Column, int]]:
    """Each cell of a row, its column, and how many columns it spans: on paper empty cells side by side are one."""
    k = 0
    while k < len(row):
        span = 1
        while paper and k and row[k] == EMPTY and k + span < len(row) and row[k + span] == EMPTY:
            span += 1
        yield row[k], columns[k], span
        k += span
