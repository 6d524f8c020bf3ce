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
    air, power = 1e-9 * (high - low), math.floor(math.log10((high - low) / most))
    steps = [(digit, power + more) for more in (-1, 0, 1) for digit in (1, 2, 5)]
    smallest = next(k for k, (digit, power) in enumerate(steps) if digit * 10.0**power >= (high - low) / most)
    for digit, power in reversed(steps[: smallest + 1]):
        up, down = (digit * 10**power, 1) if power >= 0 else (digit, 10**-power)  # a quotient is rounded once
        first, last = math.ceil((low - air) * down / up), math.floor((high + air) * down / up)
        if last > first:
            break
    return [k * up / down for k in range(first, last + 1)]


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
