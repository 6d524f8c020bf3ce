"""Sample images of a direction as figures: the grid of its page, the strip of page 1."""

from __future__ import annotations

from auditor.documents.results import NotMeasured, SampleCell, SampleGrid
from auditor.render.figures import grid
from auditor.render.figures.grid import CAPTION, Labels
from auditor.render.figures.sprites import MAT, magnification, sprite
from auditor.render.rounding import number, probability
from auditor.render.view.lookups import Audit

HEADS = {
    "source": ["source"],
    "adversarial": ["adversarial"],
    "adversarial_of_adversarial": ["adversarial", "of adversarial"],
    "boundary": ["boundary"],
    "difference": ["difference", "to source"],
}
SIDE, STRIP_SIDE = 64, 128
COLUMN = 76
"""Narrowest column of a grid: heads and captions need as much, also over a small or narrow image."""


def sample_figure(audit: Audit, source: int, target: int) -> str | None:
    """The grid of a direction as SVG, None where it has no images."""
    samples = audit.directions[source, target].samples
    if isinstance(samples, NotMeasured) or not samples.rows:
        return None
    side = samples.width * magnification(samples.width, samples.height, SIDE) + 2 * MAT
    gap = max(8, COLUMN - side)
    picture = sprite([row.cells for row in samples.rows], samples.width, samples.height, SIDE, gap, CAPTION)
    labels = Labels(
        columns=[HEADS[cell.role] for cell in samples.rows[0].cells],
        rows=[(row.label, f"L2 {number(row.distance)}") for row in samples.rows],
        cells=[[_lines(audit, cell) for cell in row.cells] for row in samples.rows],
    )
    return grid.draw(picture, labels, _alt(audit, samples, source, target))


def boundary_strip(audit: Audit, source: int, target: int) -> str | None:
    """The boundary instances of the grid's rows side by side, None without images."""
    direction = audit.directions.get((source, target))
    if direction is None or isinstance(direction.samples, NotMeasured):
        return None
    samples = direction.samples
    cells = [cell for row in samples.rows for cell in row.cells if cell.role == "boundary"][:4]
    if not cells:
        return None
    picture = sprite([cells], samples.width, samples.height, STRIP_SIDE, 24, CAPTION)
    lines = [_lines(audit, cell) for cell in cells]
    alt = "; ".join(" and ".join(f"{name} {share}" for name, share in two) for two in lines)
    return grid.draw(
        picture,
        Labels([], [], [lines]),
        f"{_how_many(len(cells))} on the boundary from {audit.name(source)} to {audit.name(target)}: {alt}",
    )


def _how_many(instances: int) -> str:
    return f"{('One', 'Two', 'Three', 'Four')[instances - 1]} instance{'s' if instances > 1 else ''}"


def _lines(audit: Audit, cell: SampleCell) -> list[tuple[str, str]]:
    return [(audit.name(top.index), probability(top.probability)) for top in cell.top[:2]]


def _alt(audit: Audit, samples: SampleGrid, source: int, target: int) -> str:
    rows = "; ".join(f"{row.label}, distance {number(row.distance)}" for row in samples.rows)
    return (
        f"Images from {audit.name(source)} to {audit.name(target)}, one row for each instance "
        f"({rows}), from the source over "
        "the adversarial instance and back to the boundary instance, with the difference to the source."
    )
