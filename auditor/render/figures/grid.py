"""The sample grid: one sprite, and under each image the model's top two classes with their probabilities."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.render.figures.colour import Role
from auditor.render.figures.measure import fitted, text_width
from auditor.render.figures.sprites import Sprite
from auditor.render.figures.svg import SMALL, TEXT_SIZE, Drawing

CAPTION = 26
"""Room under each row of images for two lines of text."""


@dataclass(frozen=True)
class Labels:
    """Text of a grid.

    Args:
        columns: heads of the columns.
        rows: for each row its name and a smaller second line.
        cells: for each row and column up to two classes with their probability.
    """

    columns: list[list[str]]
    rows: list[tuple[str, str]]
    cells: list[list[list[tuple[str, str]]]]


def draw(sprite: Sprite, labels: Labels, alt: str) -> str:
    """The grid with row names on the left and heads above (none where there are none)."""
    left = max((max(text_width(a), text_width(b, SMALL)) for a, b in labels.rows), default=0)
    left = left + 8 if left else 0
    lines = max((len(head) for head in labels.columns), default=0)
    top = 12.0 * lines + 4 if lines else 0.0
    drawing = Drawing(left + sprite.width, top + sprite.height + CAPTION, alt)
    drawing.image(left, top, sprite.width, sprite.height, sprite.uri)
    for j, head in enumerate(labels.columns):
        for k, line in enumerate(head):
            x = left + sprite.place(0, j)[0] + sprite.cell_width / 2
            drawing.text(x, 10 + 12 * (k + lines - len(head)), line, "middle", "muted", SMALL)
    for i, row in enumerate(labels.cells):
        _draw_row(drawing, sprite, labels, row, i, left, top)
    return drawing.markup()


def _draw_row(
    drawing: Drawing, sprite: Sprite, labels: Labels, row: list[list[tuple[str, str]]], i: int, left: float, top: float
) -> None:
    if labels.rows:
        name, note = labels.rows[i]
        level = top + sprite.place(i, 0)[1] + sprite.cell_height / 2
        drawing.text(0, level, name, size=TEXT_SIZE, bold=True)
        drawing.text(0, level + 13, note, role="muted", size=SMALL)
    for j, lines in enumerate(row):
        x, y = sprite.place(i, j)
        middle = left + x + sprite.cell_width / 2
        room = min(sprite.cell_width + sprite.gap_x - 3, 2 * min(middle, drawing.width - middle))
        for k, (name, probability) in enumerate(lines):
            role: Role = "ink" if k == 0 else "muted"
            short = fitted(name, room - text_width(f": {probability}", SMALL), SMALL)
            drawing.text(
                middle, top + y + sprite.cell_height + 10.5 + 11 * k,
                f"{short}: {probability}", "middle", role, SMALL,
            )  # fmt: skip
