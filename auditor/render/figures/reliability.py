"""Reliability: accuracy against confidence, with the histogram of confidences under it."""

from __future__ import annotations

import math

from auditor.documents.results import ReliabilityBin
from auditor.render.figures.scale import Scale
from auditor.render.figures.svg import SMALL, Drawing
from auditor.render.rounding import count


def draw(bins: list[ReliabilityBin], alt: str, width: float = 300) -> str:
    """Dots on the dashed line mean that confidence is earned; below it the model is overconfident."""
    left, top, plot, histogram = 34.0, 8.0, 190.0, 52.0
    drawing = Drawing(width, top + plot + 14 + histogram + 34, alt)
    x, y = Scale(0, 1, left, width - 10), Scale(0, 1, top + plot, top)
    floor = top + plot + 14 + histogram
    for mark in (0.0, 0.25, 0.5, 0.75, 1.0):
        drawing.line(left, y(mark), width - 10, y(mark), "faint")
        drawing.text(left - 5, y(mark) + 3.4, f"{100 * mark:.0f}", "end", "muted", SMALL)
        drawing.text(x(mark), floor + 13, f"{100 * mark:.0f}", "middle", "muted", SMALL)
    drawing.line(x(0), y(0), x(1), y(1), "rule", 1.0, "3 2")
    drawing.text(9, top + plot / 2, "accuracy, %", "middle", "muted", SMALL, turn=-90)
    drawing.text((left + width - 10) / 2, floor + 28, "confidence, %", "middle", "muted")
    filled = [b for b in bins if b.n and b.confidence is not None and b.accuracy is not None]
    most = max((b.n for b in filled), default=1)
    for b in filled:
        drawing.circle(x(b.confidence or 0), y(b.accuracy or 0), 1.6 + 3.4 * math.sqrt(b.n / most), "accent")
    _draw_histogram(drawing, bins, x, floor, histogram)
    return drawing.markup()


def _draw_histogram(drawing: Drawing, bins: list[ReliabilityBin], x: Scale, floor: float, height: float) -> None:
    most = max((b.n for b in bins), default=0) or 1
    for b in bins:
        if b.n:
            tall = max(b.n / most * (height - 12), 1.0)
            drawing.rect(x(b.low) + 0.5, floor - tall, x(b.high) - x(b.low) - 1, tall, "rule")
    top = max(bins, key=lambda b: b.n, default=None)
    if top is not None and top.n:
        drawing.text(x(top.high) - 1, floor - height + 8, f"n = {count(top.n)}", "end", "muted", SMALL)
    drawing.line(x(0), floor, x(1), floor, "rule")
