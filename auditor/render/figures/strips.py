"""The predicted class along paths: one coloured strip for each path, third classes named where they appear."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from auditor.render.figures.colour import Role
from auditor.render.figures.measure import text_width
from auditor.render.figures.svg import SMALL, Drawing

ROW, BAR = 12.0, 10.5


def draw(
    rows: Sequence[Sequence[int]],
    names: Sequence[str],
    roles: dict[int, Role],
    x_label: str,
    alt: str,
    width: float = 240,
) -> str:
    """One strip a row.

    Args:
        rows: class index at each point of each path.
        names: class names by index.
        roles: colour of the pair's two classes; every other class is drawn in the third colour, named.
    """
    drawing = Drawing(width, len(rows) * ROW + 20, alt)
    for i, row in enumerate(rows):
        step, start = (width - 8) / len(row), 0
        for index, run in groupby(row):
            length = len(list(run))
            _draw_run(drawing, index, names, roles, 4 + start * step, i * ROW + 1, length * step)
            start += length
    floor = len(rows) * ROW
    drawing.text(4, floor + 12, "start", role="muted", size=SMALL)
    drawing.text(width - 4, floor + 12, "end", "end", "muted", SMALL)
    drawing.text(width / 2, floor + 12, x_label, "middle", "muted", SMALL)
    return drawing.markup()


def _draw_run(
    drawing: Drawing, index: int, names: Sequence[str], roles: dict[int, Role], x: float, y: float, width: float
) -> None:
    role = roles.get(index, "third")
    drawing.rect(x, y, max(width - 0.4, 0.3), BAR, role)
    if role == "third" and text_width(names[index], SMALL) < width - 3:
        drawing.text(x + width / 2, y + 8.6, names[index], "middle", "ground", SMALL)
    elif text_width(names[index], SMALL) < width - 3:
        drawing.text(x + width / 2, y + 8.6, names[index], "middle", "#ffffff" if role == "s" else "#1c1b19", SMALL)
