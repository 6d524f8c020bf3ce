"""Axes: a linear scale, round tick values and their labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from auditor.render.rounding import decimal


@dataclass(frozen=True)
class Scale:
    """Maps values from ``[low, high]`` to ``[start, end]`` on paper."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Position of a value; a scale without extent puts everything in its middle."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most ``most`` + 1 round values (steps of 1, 2 or 5) inside ``[low, high]``.

    >>> ticks(0.0, 2.4)
    [0.0, 0.5, 1.0, 1.5, 2.0]
    """
    if not high > low:
        return [low]
    from matplotlib.ticker import MaxNLocator

    marks = MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high)
    air = 1e-9 * (high - low)
    return [float(mark) for mark in marks if low - air <= mark <= high + air]


def tick_labels(values: list[float], share: bool = False) -> list[str]:
    """The values with equal decimals, in per cent (without its sign) for shares."""
    scaled = [100 * v for v in values] if share else values
    step = min((abs(b - a) for a, b in pairwise(scaled)), default=1.0)
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step else 0
    return [decimal(v, digits) for v in scaled]


def extent(values: list[float], zero: bool = True, margin: float = 0.04) -> tuple[float, float]:
    """Range that shows all values with some air, from zero where ``zero`` and they are on one side of it."""
    low, high = min(values), max(values)
    if zero and low >= 0:
        return 0.0, (high or 1.0) * (1 + margin)
    air = (high - low or abs(high) or 1.0) * margin
    return low - air, high + air
