"""Third-class intrusion: how often another class lies between s and t.

    intrusion = first bisections in which a class other than s and t led / first bisections

Sources: arXiv 1912.11460, section 3.3 (the bisection); the share is this tool's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from auditor.characteristics.base import Characteristic, Evidence, Findings, characteristic
from auditor.documents.results import Definition
from auditor.numbers.intervals import wilson


@characteristic("third_class")
@dataclass(frozen=True)
class ThirdClassIntrusion(Characteristic):
    """Share of first bisections that met a third class; which class is counted in the generation."""

    on_baselines = True
    moves_with_training = True
    definitions: ClassVar[Mapping[str, Definition]] = {
        "third_class_intrusion": Definition(
            title="Third-class intrusion",
            unit="share of bisections",
            scale="share",
            better="lower",
            reading="lower is cleaner",
            bounds=(0.0, 1.0),
            headline=True,
            formula="#{first bisections that met a class other than s and t} / #{first bisections}",
            text="On the way between the two classes the model sometimes says a third class. This is the share of "
            "first bisections that met one; a second try may still have reached the boundary.",
            source="arXiv 1912.11460, section 3.3",
        )
    }

    def by_generator(self, evidence: Evidence) -> Mapping[str, list[float]]:
        """The share among the bisections of each generator."""
        by_part = evidence.instances.third_by_part
        if len(by_part) < 2:
            return {}
        return {name: [lost / started for started, lost in by_part.values()] for name in self.definitions}

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """The share with Wilson's interval."""
        started, lost = evidence.instances.adversarial_of_adversarial, evidence.instances.third_class.total()
        if started == 0:
            return self.not_measured("no bisection was started")
        return Findings({name: self.as_measure(name, *wilson(lost, started), n=started) for name in self.definitions})
