"""A map of classes by classes: one cell for each direction, which stands out where the model is more fragile."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.render.figures.colour import Shade, diverging_shade, sequential_shade
from auditor.render.figures.measure import fitted, text_width
from auditor.render.figures.svg import SMALL, TEXT_SIZE, Drawing

NUMBERS_UP_TO = 12
"""Cells carry their number up to this many classes."""


@dataclass(frozen=True)
class MapCell:
    """One measured cell: its place on the scale and its number as text.

    The scale is [0, 1] (1 stands out most), or [-1, 1] on a map of differences.
    """

    shade: float
    label: str


@dataclass(frozen=True)
class ClassMap:
    """A map to draw.

    Args:
        names: class names in the order of rows and columns.
        cells: row (from) by column (to); None where nothing was measured.
        light, dark: labels of the two ends of the scale.
        differences: whether the cells are differences about zero, in two colours.
    """

    names: list[str]
    cells: list[list[MapCell | None]]
    light: str
    dark: str
    differences: bool = False


def draw(plan: ClassMap, alt: str, width: float = 300, numbers: bool = True) -> str:
    """The map as SVG; ``numbers=False`` draws the small version of page 1."""
    n = len(plan.names)
    label = min(max(text_width(name) for name in plan.names) + 6, 84)
    side = min((width - label - 2) / n, 34)
    head = label if any(text_width(name) > side - 2 for name in plan.names) else 16
    bottom = 34
    drawing = Drawing(width, head + n * side + bottom, alt)
    for i, name in enumerate(plan.names):
        short, middle = fitted(name, label - 6), (i + 0.5) * side
        drawing.text(label - 5, head + middle + 3.6, short, "end", "ink", TEXT_SIZE)
        if head > 16:
            drawing.text(label + middle + 3.6, head - 4, short, turn=-90)
        else:
            drawing.text(label + middle, head - 5, short, "middle")
    with_numbers = numbers and n <= NUMBERS_UP_TO
    colour = diverging_shade if plan.differences else sequential_shade
    for i, row in enumerate(plan.cells):
        for j, cell in enumerate(row):
            fill = colour(cell.shade) if cell else None
            _draw_cell(drawing, cell, fill, label + j * side, head + i * side, side, with_numbers, i == j)
    _draw_key(drawing, plan, label, head + n * side + 12, n * side)
    return drawing.markup()


def _draw_cell(
    drawing: Drawing, cell: MapCell | None, fill: Shade | None, x: float, y: float, side: float, with_number: bool,
    diagonal: bool,
) -> None:  # fmt: skip
    gap = 0.5 if side > 8 else 0.0
    if cell is None or fill is None:
        if not diagonal:
            drawing.rect(x + gap, y + gap, side - 2 * gap, side - 2 * gap, "empty")
        return
    drawing.rect(x + gap, y + gap, side - 2 * gap, side - 2 * gap, fill)
    if with_number:
        size = min(SMALL - 0.5, (side - 3) / max(text_width(cell.label, 1.0), 0.1))
        drawing.text(x + side / 2, y + side / 2 + size * 0.35, cell.label, "middle", fill.text, size)


def _draw_key(drawing: Drawing, plan: ClassMap, x: float, y: float, width: float) -> None:
    ends = text_width(plan.light, SMALL) + text_width(plan.dark, SMALL) + 14
    steps, bar = 24, max(min(width, 110, drawing.width - x - ends), 24)
    left = x + text_width(plan.light, SMALL) + 6
    for i in range(steps):
        share = i / (steps - 1)
        colour = diverging_shade(2 * share - 1) if plan.differences else sequential_shade(share)
        drawing.rect(left + i * bar / steps, y, bar / steps + 0.3, 7, colour)
    drawing.text(x, y + 7, plan.light, role="muted", size=SMALL)
    drawing.text(left + bar + 6, y + 7, plan.dark, role="muted", size=SMALL)
