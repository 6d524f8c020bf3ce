"""How wide the columns of a table are on paper, measured here so that the PDF's layout need not measure every cell twice.

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


PLAIN, DENSE = Look(32 / 3, 28 / 3), Look(9.6, 22 / 3)


def column_shares(table: Table, kind: str = "") -> list[float]:
    """Width of each column in per cent of the page's text, together 100."""
    look = DENSE if "dense" in kind.split() else PLAIN
    columns = [[column, *(row[k] for row in table.rows if k < len(row))] for k, column in enumerate(table.columns)]
    least, most = [], []
    for k, (head, *cells) in enumerate(columns):
        assert isinstance(head, Column)
        room = (look.gap if k < len(columns) - 1 else 0.0) + (
            BESIDE_NUMBER if k and not head.numeric and table.columns[k - 1].numeric else 0.0
        )
        widths = [*_head(head, look.size), *(w for c in cells for w in _cell(c, head.numeric, look.size))]
        least.append(room + max((low for low, _ in widths), default=0.0))
        most.append(room + max((high for _, high in widths), default=0.0))
    if sum(most) <= PAGE:
        widths_ = most
    elif sum(least) >= PAGE:
        widths_ = least
    else:
        share = (PAGE - sum(least)) / (sum(most) - sum(least))
        widths_ = [low + share * (high - low) for low, high in zip(least, most, strict=True)]
    return [round(100 * width / sum(widths_), 3) for width in widths_]


def _head(column: Column, size: float) -> Iterator[tuple[float, float]]:
    yield _words(column.text, size, bold=True)
    yield _words(column.unit, SMALL * size)


def _cell(cell: Cell, numeric: bool, size: float) -> Iterator[tuple[float, float]]:
    """Width of the widest word and of the whole of each line; numbers are not broken."""
    if cell.status:
        mark = text_width(f"{cell.status.mark} {cell.status.word}", 0.85 * size, bold=True)
        yield mark, mark
    least, most = _words(cell.text, size)
    yield (most if numeric else least), most
    for line in (cell.note, cell.more):
        least, most = _words(line, SMALL * size)
        yield (most if numeric else least), most


def _words(text: str, size: float, bold: bool = False) -> tuple[float, float]:
    whole = text_width(text, size, bold)
    return max((text_width(word, size, bold) for word in text.split()), default=0.0), whole
