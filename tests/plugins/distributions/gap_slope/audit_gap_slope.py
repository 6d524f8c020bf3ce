"""Slope of the probability gap: how steeply the model changes its mind between a sample and the boundary.

    slope = mean over instances of  (p_s(x) - p_t(x)) / ||x - b||

x is a source, b the boundary instance made from it, where p_s = p_t.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from auditor.characteristics.base import Characteristic, Evidence, Findings, characteristic
from auditor.documents.results import Definition
from auditor.functional.statistics import mean_estimate


@characteristic("gap_slope")
@dataclass(frozen=True)
class GapSlope(Characteristic):
    """Mean slope.

    Args:
        least: length below which a segment says nothing.
    """

    least: float = 1e-6

    definitions: ClassVar[Mapping[str, Definition]] = {
        "gap_slope": Definition(
            title="Slope of the probability gap",
            unit="probability per L2",
            scale="number",
            better="lower",
            reading="lower is calmer",
            bounds=(None, None),
            scope="direction",
            headline=True,
            formula="mean (p_s(x) - p_t(x)) / ||x - b||",
            text="How much probability the model moves from one class to the other per unit of distance, on the way "
            "from a sample to the boundary.",
            source="an example",
        )
    }

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """The mean over the boundary instances with its interval."""
        found = evidence.instances
        length = (found.x_source - found.x_boundary).flatten(1).norm(dim=1)
        p = evidence.classifier.probabilities(found.x_source)
        slopes = ((p[:, found.source] - p[:, found.target]) / length)[length > self.least]
        if not len(slopes):
            return self.not_measured("no source lies apart from its boundary instance")
        value, low, high = mean_estimate(slopes.double())
        return Findings({"gap_slope": self.as_measure("gap_slope", value, low, high, n=len(slopes))})
