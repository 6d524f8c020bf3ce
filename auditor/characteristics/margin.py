"""Margin: how far samples of s are from the model's class t, in pixels.

    margin(x) = |x - b|_p,   p = 2 or infinity

b is the nearest point found that the model puts in t. It is an upper bound of the true distance. A sample that the
model does not put in s to begin with has margin 0; one from which nothing was found is censored: its margin is known
to be larger than what was tried, no more. Quantiles are over all samples of s that were drawn, whatever the model says
of them: those of the test split, which the model has not seen, are the headline, those of the training split stand
beside them.

The distance to a generated boundary instance says how far the generator walked. That is no margin: nothing better or
worse follows from it. It is measured here as well, because it is the same distance.

Three characteristics share the file, because baselines have generated instances and no search.
Source: arXiv 1912.11460 (instances); arXiv 1907.02044, 2102.12827, 2011.12807 (search).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from auditor.characteristics.base import (
    Characteristic,
    Evidence,
    Findings,
    SampleMargins,
    SplitName,
    characteristic,
    series_values,
)
from auditor.documents.results import Better, Definition, DistributionSeries, Group, Measured, NotMeasured
from auditor.functional.distances import l2, linf
from auditor.functional.quantiles import median_difference, quantile_estimate
from auditor.functional.statistics import evenly_spaced
from auditor.numbers.intervals import wilson

SHOWN = 300
LEAST = 2
NORMS = {"l2": ("L2", "L2, pixels in [0, 1]", None), "linf": ("Linf", "largest change of a pixel in [0, 1]", 1.0)}
QUANTILES = {"": (0.5, "median"), "_q05": (0.05, "5 % quantile"), "_q95": (0.95, "95 % quantile")}
SPLITS: dict[SplitName, tuple[str, str]] = {"test": ("", "test samples"), "train": ("_train", "training samples")}
"""By split the ending of its measures, and its samples in words."""
SEARCH = "FAB, arXiv 1907.02044; FMN, arXiv 2102.12827; without gradients SurFree, arXiv 2011.12807"


def _quantile_definitions(
    stem: str, *, title: str, better: Better, reading: str, symbol: str, text: str, source: str, headline: str = ""
) -> dict[str, Definition]:
    """Median, 5 % and 95 % quantile in both norms; ``stem`` holds ``{norm}``."""
    return {
        (id := stem.format(norm=norm) + suffix): Definition(
            title=f"{title}, {name}" + (f", {quantile}" if suffix else ""),
            unit=unit,
            scale="distance",
            better=better,
            reading=reading,
            bounds=(0.0, upper),
            headline=id == headline,
            formula=f"{quantile} of |x - b|_{'2' if norm == 'l2' else 'inf'}, {symbol}",
            text=text,
            source=source,
        )
        for norm, (name, unit, upper) in NORMS.items()
        for suffix, (_, quantile) in QUANTILES.items()
    }


@characteristic("margin")
@dataclass(frozen=True)
class GeneratedDistance(Characteristic):
    """Distance of each source to the boundary instance generated from it."""

    on_baselines = True
    moves_with_training = True
    definitions: ClassVar[Mapping[str, Definition]] = _quantile_definitions(
        "margin_{norm}",
        title="Distance to the generated instance",
        better="none",
        reading="neither is better",
        symbol="x: source, b: the boundary instance made from it",
        text="How far the generator walked from a sample to the boundary. It shows at what distance a plausible "
        "instance lies, not how near the boundary is, so neither a small nor a large one is a merit of the model.",
        source="arXiv 1912.11460",
    )

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """Distances of all instances, in both norms."""
        series = {f"margins_{norm}": distribution(evidence, norm) for norm in NORMS}
        if len(evidence.instances) < LEAST:
            found = self.not_measured(f"it takes {LEAST} boundary instances; there are {len(evidence.instances)}")
            return Findings(found.measures, series)
        measures: dict[str, Measured] = {}
        for norm in NORMS:
            distances = generated(evidence, norm)
            for suffix, (level, _) in QUANTILES.items():
                estimate = quantile_estimate(distances, level)
                assert estimate is not None
                id = f"margin_{norm}{suffix}"
                measures[id] = self.as_measure(id, *estimate, n=len(distances))
        return Findings(measures, series)


@characteristic("margin_attack")
@dataclass(frozen=True)
class Margin(Characteristic):
    """Distance of single samples to the nearest point of t found, on both splits."""

    definitions: ClassVar[Mapping[str, Definition]] = {
        **_quantile_definitions(
            "margin_{norm}_attack",
            title="Margin",
            better="higher",
            reading="higher is safer",
            symbol="x: test sample of s, b: nearest point found in t; 0 where the model does not say s of x",
            text="The smallest change found that makes the model say the target class, of samples that it was not "
            "trained on: along gradients, or by the model's decisions alone where it has none. It is an upper bound of "
            "the true distance to the boundary.",
            source=SEARCH,
            headline="margin_l2_attack",
        ),
        **_quantile_definitions(
            "margin_{norm}_attack_train",
            title="Margin of training samples",
            better="higher",
            reading="higher is safer",
            symbol="x: training sample of s, b: nearest point found in t; 0 where the model does not say s of x",
            text="The same of samples of the training split. Where it is clearly larger than that of test samples, the "
            "model keeps a distance to what it was trained on that it does not keep to what comes new.",
            source=SEARCH,
        ),
        **{
            f"margin_{norm}_attack_gap": Definition(
                title=f"Margin of training samples less that of test samples, {name}",
                unit=unit,
                scale="distance",
                better="near",
                ideal=0.0,
                reading="near 0 is more general",
                bounds=(None if upper is None else -upper, upper),
                formula="median over training samples - median over test samples",
                text="How much farther from the boundary the samples are that the model was trained on. The two "
                "medians are of different samples, so the interval holds what both leave open.",
                source="this tool",
            )
            for norm, (name, unit, upper) in NORMS.items()
        },
        **{
            f"already_wrong{ending}": Definition(
                title=f"{what.capitalize()} that the model already puts elsewhere",
                unit=f"share of {what}",
                scale="share",
                better="lower",
                reading="lower is better",
                bounds=(0.0, 1.0),
                formula="#{x : f(x) is not s} / n",
                text=f"The share of the {what} of the source class that the model gives another class. Their margin "
                "is 0, and they count in every quantile of the margin.",
                source="this tool",
            )
            for ending, what in SPLITS.values()
        },
    }

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """Quantiles of both splits in both norms, their difference, and how many samples are lost beforehand."""
        if isinstance(evidence.margins, NotMeasured):
            return self.not_measured(evidence.margins.not_measured)
        measures: dict[str, Measured] = {}
        for split, (ending, what) in SPLITS.items():
            margins = evidence.margins[split]
            measures |= self._wrong(f"already_wrong{ending}", margins, what)
            for norm in NORMS:
                measures |= self._quantiles(f"margin_{norm}_attack{ending}", margins, norm, what)
        for norm in NORMS:
            measures |= self._gap(f"margin_{norm}_attack_gap", evidence.margins, norm)
        return Findings(measures)

    def _wrong(self, id: str, margins: SampleMargins, what: str) -> dict[str, Measured]:
        count = len(margins)
        if not count:
            return {id: NotMeasured(not_measured=f"there are no {what} of the source class")}
        return {id: self.as_measure(id, *wilson(int((margins.l2 == 0).sum()), count), n=count)}

    def _quantiles(self, stem: str, margins: SampleMargins, norm: str, what: str) -> dict[str, Measured]:
        values, count = getattr(margins, norm), len(margins)
        if count < LEAST:
            few = f"it takes {LEAST} {what} of the source class; there {'is' if count == 1 else 'are'} {count}"
            return {stem + suffix: NotMeasured(not_measured=few) for suffix in QUANTILES}
        measures: dict[str, Measured] = {}
        for suffix, (level, _) in QUANTILES.items():
            estimate = quantile_estimate(values, level)
            measures[stem + suffix] = (
                NotMeasured(not_measured=farther_than(margins, norm))
                if estimate is None
                else self.as_measure(stem + suffix, *estimate, n=count)
            )
        return measures

    def _gap(self, id: str, margins: Mapping[SplitName, SampleMargins], norm: str) -> dict[str, Measured]:
        train, test = (getattr(margins[split], norm) for split in ("train", "test"))
        if min(len(train), len(test)) < LEAST:
            return {id: NotMeasured(not_measured=f"it takes {LEAST} samples of the source class in each split")}
        estimate = median_difference(train, test)
        if estimate is None:
            return {id: NotMeasured(not_measured="from most samples of a split no point of the target class was found")}
        return {id: self.as_measure(id, *estimate, n=len(train) + len(test))}


def farther_than(margins: SampleMargins, norm: str) -> str:
    """Why a quantile is not known: it lies among the samples from which nothing was found."""
    values, tried = getattr(margins, norm), getattr(margins, f"tried_{norm}")
    lost = values.isinf()
    return (
        f"farther than {float(tried[lost].min()):.3g}: from {int(lost.sum())} of {len(values)} samples no point of the"
        " target class was found within that distance"
    )


def generated(evidence: Evidence, norm: str) -> Tensor:
    """Distance of each source to its boundary instance: float32 ``(N,)``."""
    return (l2 if norm == "l2" else linf)(evidence.instances.x_source, evidence.instances.x_boundary)


def distribution(evidence: Evidence, norm: str) -> DistributionSeries:
    """Margins of both splits and distances to the generated instances, on one axis; what has none is left out."""
    name, unit, _ = NORMS[norm]
    groups = []
    if not isinstance(evidence.margins, NotMeasured):
        roles = {"test": "source", "train": "neutral"}
        for split, (_, what) in SPLITS.items():
            margins = getattr(evidence.margins[split], norm)
            near = margins[margins.isfinite()]
            groups.append(Group(label=what, role=roles[split], values=_shown(near)))  # type: ignore[arg-type]
    groups.append(Group(label="boundary instances", role="boundary", values=_shown(generated(evidence, norm))))
    return DistributionSeries(title=f"Distances in {name}", unit=unit, groups=[g for g in groups if g.values])


def _shown(distances: Tensor) -> list[float]:
    return series_values(distances[evenly_spaced(len(distances), SHOWN)])
