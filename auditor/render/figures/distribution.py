"""Several samples on one axis: a histogram for each, its middle half as a bar and its median with a number."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import quantiles

from auditor.render.figures.colour import Role
from auditor.render.figures.measure import fitted, text_width, wrapped
from auditor.render.figures.scale import Scale, extent, tick_labels, ticks
from auditor.render.figures.svg import SMALL, Drawing
from auditor.render.rounding import count, number

ROW = 32.0
BINS = 36


@dataclass(frozen=True)
class Sample:
    """A labelled sample of numbers; ``role`` is its colour."""

    label: str
    values: list[float]
    role: Role


def draw(samples: list[Sample], axis: str, alt: str, width: float = 240) -> str:
    """Rows of histograms on a shared axis; samples without values are left out by the caller."""
    lines = wrapped(axis, width)
    floor = len(samples) * ROW
    drawing = Drawing(width, floor + 22 + 12 * len(lines), alt)
    low, high = extent(_without_tail([v for sample in samples for v in sample.values]))
    marks = ticks(low, high, 4)
    labels = tick_labels(marks)
    # Room for half of the widest label on both sides, because a label is centred on its tick.
    inset = max(text_width(text, SMALL) for text in labels) / 2 + 1
    scale = Scale(low, high, inset, width - inset)
    for mark, text in zip(marks, labels, strict=True):
        for i in range(len(samples)):
            drawing.line(scale(mark), i * ROW + 12, scale(mark), (i + 1) * ROW - 4, "faint")
        drawing.text(scale(mark), floor + 10, text, "middle", "muted", SMALL)
    for i, text in enumerate(lines):
        drawing.text(width / 2, floor + 25 + 12 * i, text, "middle", "muted", SMALL)
    for i, sample in enumerate(samples):
        _draw_sample(drawing, sample, scale, (i + 1) * ROW - 5.5, width)
    return drawing.markup()


def _draw_sample(drawing: Drawing, sample: Sample, scale: Scale, base: float, width: float) -> None:
    low, median, high = _quartiles(sample.values)
    bins = [0] * BINS
    for value in sample.values:
        place = (value - scale.low) / ((scale.high - scale.low) or 1.0)
        bins[min(max(int(place * BINS), 0), BINS - 1)] += 1
    most, step = max(bins), (scale.end - scale.start) / BINS
    outline = [(scale.start, base)]
    for i, amount in enumerate(bins):
        top = base - 14 * amount / most
        outline += [(scale.start + i * step, top), (scale.start + (i + 1) * step, top)]
    drawing.polygon([*outline, (scale.end, base)], sample.role, 0.32)
    drawing.line(scale(low), base + 1.5, scale(high), base + 1.5, sample.role, 3.0)
    drawing.circle(scale(median), base + 1.5, 3.2, sample.role)
    note = f"median {number(median)}, n {count(len(sample.values))}"
    drawing.text(0, base - 18.0, fitted(sample.label, width - 8 - text_width(note, SMALL), SMALL), size=SMALL)
    drawing.text(width, base - 18.0, note, "end", "muted", SMALL)


def _quartiles(values: list[float]) -> tuple[float, float, float]:
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, median, high = quantiles(values, n=4, method="inclusive")
    return low, median, high


def _without_tail(values: list[float]) -> list[float]:
    """The values without the top hundredth, which would squeeze all others; it is drawn in the last bin."""
    ordered = sorted(values)
    return ordered[: max(len(ordered) - len(ordered) // 100, 1)]
