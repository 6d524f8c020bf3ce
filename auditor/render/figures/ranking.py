"""A ranking as a dot plot: one row for each pair, a dot for each direction, the interval as a stroke.

An interval that is open on one side is a stroke to the edge of the plot that ends in an arrow there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from auditor.render.figures.measure import centred, fitted, text_width, wrapped
from auditor.render.figures.scale import Scale, extent, tick_labels, ticks
from auditor.render.figures.svg import SMALL, Drawing

ROW = 15.0
ARROW = 4.0
"""Length of the head of a stroke whose interval is open."""


@dataclass(frozen=True)
class Dot:
    """A value with its interval, whose ends are infinite where it is open; ``filled`` tells the first direction apart.

    A number without an interval has two open ends and is drawn as a dot alone.
    """

    value: float
    low: float
    high: float
    filled: bool = True

    @property
    def ends(self) -> list[float]:
        """The value, and the ends of its interval that are known."""
        return [v for v in (self.value, self.low, self.high) if math.isfinite(v)]


@dataclass(frozen=True)
class RankedRow:
    """A labelled row of one or two dots."""

    label: str
    dots: list[Dot]


def draw(
    rows: list[RankedRow], axis: str, alt: str, share: bool = False, reference: tuple[float, str] | None = None,
    width: float = 612, zero: bool = True,
) -> str:  # fmt: skip
    """Dot plot on one axis.

    Args:
        rows: from top to bottom.
        axis: title of the axis with its unit.
        reference: a value to draw across all rows, and its label.
    """
    label = min(max(text_width(row.label) for row in rows) + 10, width * 0.32)
    top = 18.0 if reference else 6.0
    lines = wrapped(axis, width - label)
    height = top + len(rows) * ROW + 22 + 12 * len(lines)
    drawing = Drawing(width, height, alt)
    values = [v for row in rows for dot in row.dots for v in dot.ends]
    scale = Scale(*extent(values + ([reference[0]] if reference else []), zero), label, width - 12)
    floor = top + len(rows) * ROW
    marks = ticks(scale.low, scale.high)
    for mark, text in zip(marks, tick_labels(marks, share), strict=True):
        drawing.line(scale(mark), top, scale(mark), floor, "faint")
        drawing.text(scale(mark), floor + 13, text, "middle", "muted", SMALL)
    for i, text in enumerate(lines):
        drawing.text((label + width - 12) / 2, floor + 28 + 12 * i, text, "middle", "muted")
    if reference:
        drawing.line(scale(reference[0]), top - 4, scale(reference[0]), floor, "accent", 1.0, "3 2")
        note = fitted(reference[1], width, SMALL)
        drawing.text(centred(scale(reference[0]), note, width, SMALL), top - 8, note, "middle", "accent", SMALL)
    for i, row in enumerate(rows):
        _draw_row(drawing, row, scale, label, top + (i + 0.5) * ROW)
    return drawing.markup()


def _draw_row(drawing: Drawing, row: RankedRow, scale: Scale, label: float, y: float) -> None:
    drawing.text(label - 8, y + 3.6, fitted(row.label, label - 10), "end")
    for k, dot in enumerate(row.dots):
        shift = 0.0 if len(row.dots) == 1 else (-2.4 if k == 0 else 2.4)
        _draw_interval(drawing, dot, scale, y + shift)
        if dot.filled:
            drawing.circle(scale(dot.value), y + shift, 3.2, "accent")
        else:
            drawing.ring(scale(dot.value), y + shift, 2.7, "accent")


def _draw_interval(drawing: Drawing, dot: Dot, scale: Scale, y: float) -> None:
    if len(dot.ends) == 1:
        return
    edges = ((dot.low, scale.start, ARROW), (dot.high, scale.end, -ARROW))
    left, right = (scale(end) if math.isfinite(end) else edge for end, edge, _ in edges)
    drawing.line(left, y, right, y, "muted", 1.0)
    for end, edge, head in edges:
        if not math.isfinite(end):
            drawing.polyline([(edge + head, y - 2.2), (edge, y), (edge + head, y + 2.2)], "muted", 1.0)
