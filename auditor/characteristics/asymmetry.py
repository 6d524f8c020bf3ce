"""Direction asymmetry: how much the two directions of a pair differ.

    asymmetry = |a - b| / (a + b)

a and b are the same measure from s to t and from t to s. 0: alike; 1: one of them is zero.

The interval is that of interval arithmetic over both 95 % intervals. It takes both measures to be off to opposite
sides at once, so it is conservative: at least 95 % where the measures are independent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from auditor.characteristics.base import PairCharacteristic, characteristic
from auditor.documents.results import ASYMMETRIES, Definition, Measure, Measured, NotMeasured
from auditor.numbers.intervals import Interval


@characteristic("asymmetry")
@dataclass(frozen=True)
class Asymmetry(PairCharacteristic):
    """Relative difference of the margin and of IDC between the two directions."""

    definitions: ClassVar[Mapping[str, Definition]] = {
        "asymmetry_margin": Definition(
            title="Asymmetry of the margin",
            unit="relative difference",
            scale="number",
            better="lower",
            reading="lower is more even",
            bounds=(0.0, 1.0),
            scope="pair",
            formula="|a - b| / (a + b)",
            text="Whether one class is closer to the boundary than the other: 0 when both are equally far, 1 when one "
            "lies on it.",
            source="arXiv 1912.11460 studies both directions; the ratio is this tool's",
        ),
        "asymmetry_idc": Definition(
            title="Asymmetry of input-space complexity",
            unit="relative difference",
            scale="number",
            better="lower",
            reading="lower is more even",
            bounds=(0.0, 1.0),
            scope="pair",
            formula="|a - b| / (a + b)",
            text="Whether the boundary is more folded on the side of one class than on the side of the other: 0 when "
            "both are alike, 1 when only one is folded.",
            source="arXiv 1912.11460 studies both directions; the ratio is this tool's",
        ),
    }

    def compare(self, forth: Mapping[str, Measured], back: Mapping[str, Measured]) -> Mapping[str, Measured]:
        """Asymmetry of what both directions have."""
        return {name: self._of(name, of, forth, back) for name, of in ASYMMETRIES.items()}

    def _of(self, name: str, of: str, forth: Mapping[str, Measured], back: Mapping[str, Measured]) -> Measured:
        a, b = forth.get(of), back.get(of)
        if not (isinstance(a, Measure) and isinstance(b, Measure)):
            return NotMeasured(not_measured=f"{of} not measured in both directions")
        if a.value + b.value == 0:
            return NotMeasured(not_measured=f"{of} is zero in both directions")
        return self.definitions[name].measure(*relative_difference(a.interval, b.interval), n=a.n + b.n)


def relative_difference(a: Interval, b: Interval) -> Interval:
    """|a - b| / (a + b) of two estimates >= 0 that are not both zero, with the range it takes over both intervals.

    An open end lies at 0 or at infinity. Where that leaves the whole of [0, 1], there is no interval.
    """
    (a_low, a_high), (b_low, b_high) = ((max(number.low, 0.0), number.high) for number in (a, b))
    # It depends on a / b alone and grows away from 1, so its extremes lie at the two far corners.
    corners = [_ratio(a_low, b_high), _ratio(a_high, b_low)]
    overlap = a_low <= b_high and b_low <= a_high
    low, high = 0.0 if overlap else min(corners), max(corners)
    return Interval(_ratio(a.value, b.value), *(() if (low, high) == (0, 1) else (low, high)))


def _ratio(a: float, b: float) -> float:
    if math.inf in (a, b):
        return 1.0 if a != b else 0.0
    return abs(a - b) / (a + b) if a + b > 0 else 0.0
