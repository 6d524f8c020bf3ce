"""Pair margin: how far an instance of s is from the boundary to t, in pixels.

    margin = median over instances of |x - b|_p,   p = 2 or infinity

b is the boundary instance generated from x (any generator), or the nearest point of class t that a targeted
minimal-norm attack finds from x (a decision-based one where the model has no gradient). Both are upper bounds of the
true distance; the attack's is the tighter one, while a generated instance shows what the model confuses at a plausible
distance.

Two characteristics share the file, because baselines have generated instances and no attack.
Source: arXiv 1912.11460 (instances); arXiv 1511.04599, 1811.09600, 1907.02044, 2011.12807 (attack).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from auditor.characteristics.base import Characteristic, Evidence, Findings, characteristic, series_values
from auditor.functional.distances import l2, linf
from auditor.functional.statistics import bootstrap, quantiles, systematic
from auditor.results import Definition, DistributionSeries, Group, Measured, NotMeasured

SHOWN = 300
LEAST = 2
NORMS = {"l2": ("L2", "L2, pixels in [0, 1]", None), "linf": ("Linf", "largest change of a pixel in [0, 1]", 1.0)}
QUANTILES = {"": (0.5, "median"), "_q05": (0.05, "5 % quantile"), "_q95": (0.95, "95 % quantile")}


def _definitions(ending: str, *, title: str, text: str, source: str, headline: str | None) -> dict[str, Definition]:
    """Median, 5 % and 95 % quantile in both norms."""
    return {
        f"margin_{norm}{ending}{suffix}": Definition(
            title=f"{title}, {name}" + (f", {quantile}" if suffix else ""),
            unit=unit,
            direction="higher is safer",
            bounds=(0.0, upper),
            scope="direction",
            headline=f"margin_{norm}{ending}{suffix}" == headline,
            formula=f"{quantile} over instances of |x - b|_{'2' if norm == 'l2' else 'inf'}",
            text=text,
            source=source,
        )
        for norm, (name, unit, upper) in NORMS.items()
        for suffix, (_, quantile) in QUANTILES.items()
    }


@characteristic("margin")
@dataclass(frozen=True)
class Margin(Characteristic):
    """Distance of each source to the boundary instance generated from it."""

    on_baselines = True
    definitions: ClassVar[Mapping[str, Definition]] = _definitions(
        "",
        title="Margin to the generated instance",
        text="How much an instance of the source class was changed to reach the boundary. It is an upper bound: the "
        "boundary may be nearer in a direction that the generator did not take.",
        source="arXiv 1912.11460",
        headline=None,
    )

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """Distances of all instances, in both norms."""
        series = {f"margins_{norm}": distribution(evidence, norm) for norm in NORMS}
        if len(evidence.instances) < LEAST:
            found = self.not_measured(f"it takes {LEAST} boundary instances; there are {len(evidence.instances)}")
            return Findings(found.measures, series)
        measures: dict[str, Measured] = {}
        for norm in NORMS:
            measures |= describe(self, f"margin_{norm}", generated(evidence, norm), rng)
        return Findings(measures, series)


@characteristic("margin_attack")
@dataclass(frozen=True)
class AttackMargin(Characteristic):
    """Distance of each attacked source to the nearest point of t found."""

    definitions: ClassVar[Mapping[str, Definition]] = _definitions(
        "_attack",
        title="Margin by a minimal-norm attack",
        text="The smallest change found that makes the model say the target class: along gradients, or by the model's "
        "decisions alone where it has no gradient. It is an upper bound of the true distance to the boundary, and "
        "tighter than the distance to a generated instance.",
        source="DeepFool, arXiv 1511.04599; DDN, arXiv 1811.09600; FAB, arXiv 1907.02044; without gradients SurFree, "
        "arXiv 2011.12807",
        headline="margin_l2_attack",
    )

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """Distances where the attack found a point, in both norms."""
        if isinstance(evidence.nearest, NotMeasured):
            return self.not_measured(evidence.nearest.not_measured)
        measures: dict[str, Measured] = {}
        for norm in NORMS:
            distances, attacked = attacked_distances(evidence, norm), len(evidence.nearest.index)
            if len(distances) < LEAST:
                reason = f"the attack reached the target class from {len(distances)} of {attacked} instances"
                names = (f"margin_{norm}_attack{suffix}" for suffix in QUANTILES)
                measures |= {name: NotMeasured(not_measured=reason) for name in names}
            else:
                measures |= describe(self, f"margin_{norm}_attack", distances, rng)
        return Findings(measures)


def describe(of: Characteristic, stem: str, distances: Tensor, rng: torch.Generator) -> dict[str, Measured]:
    """Median and quantiles of at least two distances, ``(N,)``, as ``of`` defines them."""
    found = bootstrap(distances, quantiles(*(level for level, _ in QUANTILES.values())), rng=rng)
    return {
        stem + suffix: of.as_measure(stem + suffix, *estimate, n=len(distances))
        for suffix, estimate in zip(QUANTILES, found, strict=True)
    }


def generated(evidence: Evidence, norm: str) -> Tensor:
    """Distance of each source to its boundary instance: float32 ``(N,)``."""
    return _distance(norm, evidence.instances.x_source, evidence.instances.x_boundary)


def attacked_distances(evidence: Evidence, norm: str) -> Tensor:
    """Distance of each attacked source to the nearest point found, where one was: float32 ``(M,)``."""
    near = evidence.nearest
    if isinstance(near, NotMeasured):
        return torch.empty(0)
    points, found = (near.l2, near.found_l2) if norm == "l2" else (near.linf, near.found_linf)
    return _distance(norm, evidence.instances.x_source[near.index[found]], points[found])


def distribution(evidence: Evidence, norm: str) -> DistributionSeries:
    """The distances by both ways on one axis; a way that found none is left out."""
    name, unit, _ = NORMS[norm]
    boundary, attack = generated(evidence, norm), attacked_distances(evidence, norm)
    method = "" if isinstance(evidence.nearest, NotMeasured) else evidence.nearest.method
    groups = [
        Group(label="boundary instances", role="boundary", values=_shown(boundary)),
        Group(label=method, role="neutral", values=_shown(attack)),
    ]
    return DistributionSeries(title=f"Margins in {name}", unit=unit, groups=[group for group in groups if group.values])


def _shown(distances: Tensor) -> list[float]:
    return series_values(distances[systematic(len(distances), SHOWN)])


def _distance(norm: str, x: Tensor, y: Tensor) -> Tensor:
    return (l2 if norm == "l2" else linf)(x, y)
