"""Labelled counts as thin bars with their numbers at the end."""

from __future__ import annotations

from auditor.render.figures.measure import fitted, text_width
from auditor.render.figures.svg import Drawing

ROW = 16.0


def draw(rows: list[tuple[str, float, str]], alt: str, width: float = 300) -> str:
    """One bar a row.

    Args:
        rows: label, length, number as text.
    """
    label = min(max(text_width(name) for name, _, _ in rows) + 8, width * 0.4)
    number = max(text_width(text) for _, _, text in rows) + 8
    longest = max(value for _, value, _ in rows) or 1.0
    drawing = Drawing(width, len(rows) * ROW + 4, alt)
    for i, (name, value, text) in enumerate(rows):
        y, long = i * ROW + ROW / 2, value / longest * (width - label - number)
        drawing.text(label - 6, y + 3.6, fitted(name, label - 8), "end")
        drawing.rect(label, y - 4, max(long, 0.8), 8, "accent")
        drawing.text(label + long + 5, y + 3.6, text, role="muted")
    return drawing.markup()
