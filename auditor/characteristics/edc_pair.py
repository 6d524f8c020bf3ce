"""Embedding-space complexity of a pair: the SVM's accuracy on the boundary instances of both directions.

    accuracy = (right in s to t + right in t to s) / (all of both)

This is the number of the paper's tables. In one direction alone the instances may all lie on one side of the SVM's
plane, so that the two directions say 0.1 and 0.9; only together do they tell how much the plane knows of the boundary.

The interval is Wilson's of all instances or, where that is wider, what the intervals of the two directions give
together: they may allow for more than which instances there are, such as another training of the generators.

Source: arXiv 1912.11460, section 4.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from auditor.characteristics.base import PairCharacteristic, characteristic
from auditor.documents.results import Definition, Measure, Measured, NotMeasured
from auditor.numbers.intervals import wilson

ID = "edc_boundary_accuracy_both"


@characteristic("edc_pair")
@dataclass(frozen=True)
class PairEmbeddingComplexity(PairCharacteristic):
    """Pooled accuracy, with an interval no narrower than Wilson's."""

    definitions: ClassVar[Mapping[str, Definition]] = {
        ID: Definition(
            title="Embedding-space complexity (EDC): SVM accuracy on the boundary instances of both directions",
            unit="share of boundary instances",
            scale="share",
            better="near",
            ideal=0.5,
            reading="near 0.5 is simpler",
            bounds=(0.0, 1.0),
            scope="pair",
            formula="right / n over the boundary instances of both directions, labelled with their source class",
            text="How often the SVM's plane puts a boundary instance on the side of the class that it started from. At "
            "one half the plane is as undecided as the model, so the boundary is nearly linear in the embedding.",
            source="arXiv 1912.11460, section 4.2",
        )
    }

    def compare(self, forth: Mapping[str, Measured], back: Mapping[str, Measured]) -> Mapping[str, Measured]:
        """Pool the accuracies of both directions by their counts."""
        a, b = forth.get("edc_boundary_accuracy"), back.get("edc_boundary_accuracy")
        if not (isinstance(a, Measure) and isinstance(b, Measure)):
            reason = "the accuracy on boundary instances was not measured in both directions"
            return {ID: NotMeasured(not_measured=reason)}
        count = a.n + b.n
        share = wilson(round(a.value * a.n) + round(b.value * b.n), count)
        below = math.hypot(*(m.n / count * (m.value - m.low) for m in (a, b)))
        above = math.hypot(*(m.n / count * (m.high - m.value) for m in (a, b)))
        low, high = min(share.low, share.value - below), max(share.high, share.value + above)
        return {ID: self.definitions[ID].measure(share.value, max(low, 0.0), min(high, 1.0), count)}
