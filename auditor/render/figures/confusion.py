"""The confusion matrix: mistakes shaded by the logarithm of their number, the diagonal muted."""

from __future__ import annotations

import math

from auditor.render.figures.colour import sequential_shade
from auditor.render.figures.measure import fitted, text_width
from auditor.render.figures.svg import SMALL, TEXT_SIZE, Drawing


def draw(names: list[str], counts: list[list[int]], alt: str, width: float = 300) -> str:
    """Rows are true classes, columns predictions.

    Args:
        counts: ``counts[i][j]`` samples of class i predicted as j.
    """
    n = len(names)
    label = min(max(text_width(name) for name in names) + 20, 96)
    side = min((width - label - 2) / n, 34)
    upright = all(text_width(name) <= side - 1 for name in names)
    head = 30.0 if upright else label
    drawing = Drawing(width, head + n * side + 6, alt)
    most = max((counts[i][j] for i in range(n) for j in range(n) if i != j), default=0)
    drawing.text(label + n * side / 2, 10, "predicted", "middle", "muted", SMALL)
    drawing.text(9, head + n * side / 2, "true", "middle", "muted", SMALL, turn=-90)
    for i, name in enumerate(names):
        short, middle = fitted(name, label - 20), (i + 0.5) * side
        drawing.text(label - 5, head + middle + 3.6, short, "end", size=TEXT_SIZE)
        if upright:
            drawing.text(label + middle, head - 5, short, "middle", size=TEXT_SIZE)
        else:
            drawing.text(label + middle + 3.6, head - 4, short, size=TEXT_SIZE, turn=-90)
        for j in range(n):
            _draw_cell(drawing, counts[i][j], most, label + j * side, head + i * side, side, i == j)
    return drawing.markup()


def _draw_cell(drawing: Drawing, value: int, most: int, x: float, y: float, side: float, diagonal: bool) -> None:
    gap = 0.5
    size = min(SMALL - 0.5, (side - 3) / max(text_width(str(value), 1.0), 0.1))
    if diagonal:
        drawing.rect(x + gap, y + gap, side - 2 * gap, side - 2 * gap, "empty")
        drawing.text(x + side / 2, y + side / 2 + size * 0.35, str(value), "middle", "muted", size)
    elif value:
        colour = sequential_shade(0.15 + 0.85 * math.log1p(value) / math.log1p(most))
        drawing.rect(x + gap, y + gap, side - 2 * gap, side - 2 * gap, colour)
        drawing.text(x + side / 2, y + side / 2 + size * 0.35, str(value), "middle", colour.text, size)
    else:
        drawing.circle(x + side / 2, y + side / 2, 0.7, "rule")
