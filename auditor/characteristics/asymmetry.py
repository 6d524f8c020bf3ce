"""Direction asymmetry: how much the two directions of a pair differ.

    asymmetry = |a - b| / (a + b)

a and b are the same measure from s to t and from t to s. 0: alike; 1: one of them is zero.

The interval is that of interval arithmetic over both 95 % intervals. It takes both measures to be off to opposite
sides at once, so it is conservative: at least 95 % where the measures are independent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from auditor.characteristics.base import PairCharacteristic, characteristic
from auditor.functional.statistics import Estimate
from auditor.results import Definition, Measure, Measured, NotMeasured

UNIT = "relative difference"
MARGINS = ("margin_l2_attack", "margin_l2")
"""The tighter one first; the other where the first was not measured in both directions."""


@characteristic("asymmetry")
@dataclass(frozen=True)
class Asymmetry(PairCharacteristic):
    """Relative difference of the margin and of IDC between the two directions; the unit names the measure used."""

    definitions: ClassVar[Mapping[str, Definition]] = {
        "asymmetry_margin": Definition(
            title="Asymmetry of the margin",
            unit=UNIT,
            direction="lower is more even",
            bounds=(0.0, 1.0),
            scope="pair",
            headline=False,
            formula="|a - b| / (a + b)",
            text="Whether one class is closer to the boundary than the other: 0 when both are equally far, 1 when one "
            "lies on it. It uses the margin by the minimal-norm attack, or that of the generated instances where the "
            "attack's is missing.",
            source="arXiv 1912.11460 studies both directions; the ratio is this tool's",
        ),
        "asymmetry_idc": Definition(
            title="Asymmetry of input-space complexity",
            unit=UNIT,
            direction="lower is more even",
            bounds=(0.0, 1.0),
            scope="pair",
            headline=False,
            formula="|a - b| / (a + b)",
            text="Whether the boundary is more folded on the side of one class than on the side of the other: 0 when "
            "both are alike, 1 when only one is folded.",
            source="arXiv 1912.11460 studies both directions; the ratio is this tool's",
        ),
    }

    def compare(self, forth: Mapping[str, Measured], back: Mapping[str, Measured]) -> Mapping[str, Measured]:
        """Asymmetry of the first of the measures that both directions have."""
        return {
            "asymmetry_margin": self._of("asymmetry_margin", MARGINS, forth, back),
            "asymmetry_idc": self._of("asymmetry_idc", ("idc",), forth, back),
        }

    def _of(
        self, name: str, candidates: tuple[str, ...], forth: Mapping[str, Measured], back: Mapping[str, Measured]
    ) -> Measured:
        for candidate in candidates:
            a, b = forth.get(candidate), back.get(candidate)
            if isinstance(a, Measure) and isinstance(b, Measure):
                break
        else:
            return NotMeasured(not_measured=f"{' and '.join(candidates)} not measured in both directions")
        if a.value + b.value == 0:
            return NotMeasured(not_measured=f"{candidate} is zero in both directions")
        value, low, high = relative_difference(Estimate(a.value, a.low, a.high), Estimate(b.value, b.low, b.high))
        direction = self.definitions[name].direction
        return Measure(
            value=value, ci_low=low, ci_high=high, n=a.n + b.n, unit=f"{UNIT} of {candidate}", direction=direction
        )


def relative_difference(a: Estimate, b: Estimate) -> Estimate:
    """|a - b| / (a + b) of two estimates >= 0 that are not both zero, with the range it takes over both intervals."""
    # It depends on a / b alone and grows away from 1, so its extremes lie at the two far corners.
    corners = [_ratio(a.low, b.high), _ratio(a.high, b.low)]
    overlap = a.low <= b.high and b.low <= a.high
    return Estimate(_ratio(a.value, b.value), 0.0 if overlap else min(corners), max(corners))


def _ratio(a: float, b: float) -> float:
    return abs(a - b) / (a + b) if a + b > 0 else 0.0
