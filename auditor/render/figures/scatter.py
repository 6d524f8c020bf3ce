"""A projection of the embedding: training samples faint, boundary instances strong, the separating line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.render.figures.colour import Role
from auditor.render.figures.measure import wrapped
from auditor.render.figures.scale import Scale
from auditor.render.figures.svg import SMALL, Drawing

Point = tuple[float, float]
LINE = 11.5


@dataclass(frozen=True)
class Cloud:
    """Points of one kind."""

    points: Sequence[Point]
    role: Role
    strong: bool


def draw(
    clouds: list[Cloud], line: Sequence[Point] | None, x_label: str, y_label: str, alt: str, width: float = 240
) -> str:
    """Both axes are directions of the projection, so they carry a name and no ticks."""
    height = width * 0.5
    beside = wrapped(y_label, height, SMALL)
    left = 5.0 + LINE * len(beside)
    below = wrapped(x_label, width - left, SMALL)
    drawing = Drawing(width, height + 6 + LINE * len(below), alt)
    xs = [p[0] for cloud in clouds for p in cloud.points]
    ys = [p[1] for cloud in clouds for p in cloud.points]
    x = Scale(*_range(xs), left + 4, width - 4)
    y = Scale(*_range(ys), height - 4, 4)
    for cloud in sorted(clouds, key=lambda c: c.strong):
        places = [(x(a), y(b)) for a, b in cloud.points]
        if cloud.strong:
            drawing.dots(places, 4.6, "ground")
            drawing.dots(places, 3.2, cloud.role)
        else:
            drawing.dots(places, 3.0, cloud.role, 0.38)
    if line and (ends := _clipped(line, (x.low, x.high), (y.low, y.high))):
        drawing.line(x(ends[0][0]), y(ends[0][1]), x(ends[1][0]), y(ends[1][1]), "ink", 1.1)
    drawing.line(left, height, width, height, "rule")
    drawing.line(left, 0, left, height, "rule")
    for i, text in enumerate(below):
        drawing.text((left + width) / 2, height + 13 + LINE * i, text, "middle", "muted", SMALL)
    for i, text in enumerate(beside):
        drawing.text(10 + LINE * i, height / 2, text, "middle", "muted", SMALL, turn=-90)
    return drawing.markup()


def _range(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    air = (high - low or 1.0) * 0.03
    return low - air, high + air


def _clipped(line: Sequence[Point], xs: Point, ys: Point) -> tuple[Point, Point] | None:
    """The part of the infinite line through both points that lies in the frame (Liang and Barsky)."""
    (x0, y0), (x1, y1) = line[0], line[-1]
    dx, dy = x1 - x0, y1 - y0
    first, last = float("-inf"), float("inf")
    for origin, step, (low, high) in ((x0, dx, xs), (y0, dy, ys)):
        if step == 0:
            if not low <= origin <= high:
                return None
            continue
        near, far = sorted(((low - origin) / step, (high - origin) / step))
        first, last = max(first, near), min(last, far)
    if not first < last or last == float("inf"):
        return None
    return (x0 + first * dx, y0 + first * dy), (x0 + last * dx, y0 + last * dy)
