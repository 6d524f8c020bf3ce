"""Diversity of the boundary instances: are they as different from each other as the samples they come from?

    diversity = median_i min_(j != i) |b_i - b_j|  /  median_i min_(j != i) |x_i - x_j|

b_i is the boundary instance made from x_i. About 1: as varied as their sources; near 0: near-copies of one image
(collapse), on which every other measure would describe one point of the boundary.

The interval of the ratio resamples the nearest-neighbour distances, both of an instance together. Resampling the
instances themselves would put copies among them and make every distance zero. Two that are each other's nearest have
the same distance, so the interval is stretched, on a scale of logarithms, by the square root of 1 + their share. The
interval of either median allows for what neighbours share too.
Source: this tool's; the authors' generator was seen to collapse unnoticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from auditor.characteristics.base import Characteristic, Evidence, Findings, characteristic
from auditor.documents.results import Definition, Measured, NotMeasured
from auditor.functional.distances import neighbours_within
from auditor.functional.quantiles import median_of_neighbours, mutual
from auditor.functional.statistics import quantiles, ratio_estimate, replicates
from auditor.numbers.intervals import Interval

COLLAPSE = 0.25
"""A diversity below this is collapse: the instances are not a sample of the boundary."""
LEAST = 3


@characteristic("diversity")
@dataclass(frozen=True)
class Diversity(Characteristic):
    """Nearest-neighbour distance among boundary instances against that among their sources."""

    on_baselines = True
    moves_with_training = True
    definitions: ClassVar[Mapping[str, Definition]] = {
        "diversity": Definition(
            title="Diversity of boundary instances",
            unit="ratio",
            scale="ratio",
            better="higher",
            reading="higher is more varied",
            bounds=(0.0, None),
            headline=True,
            formula="median_i min_(j != i) |b_i - b_j| / median_i min_(j != i) |x_i - x_j|",
            text="How different the boundary instances are from each other, compared with the samples they were made "
            f"from. Near 1 they are as varied; below {COLLAPSE} they are near-copies and stand for one place only.",
            source="this tool",
        ),
        "nn_boundary": Definition(
            title="Distance between neighbouring boundary instances",
            unit="L2, pixels in [0, 1]",
            scale="distance",
            better="higher",
            reading="higher is more varied",
            bounds=(0.0, None),
            formula="median_i min_(j != i) |b_i - b_j|",
            text="Median distance of a boundary instance to the nearest other one.",
            source="this tool",
        ),
        "nn_source": Definition(
            title="Distance between neighbouring sources",
            unit="L2, pixels in [0, 1]",
            scale="distance",
            better="higher",
            reading="higher is more varied",
            bounds=(0.0, None),
            formula="median_i min_(j != i) |x_i - x_j|",
            text="Median distance of a source, the sample that a boundary instance was made from, to the nearest other "
            "source.",
            source="this tool",
        ),
    }

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """Both distances and their ratio."""
        instances, n = evidence.instances, len(evidence.instances)
        if n < LEAST:
            return self.not_measured(f"it takes {LEAST} boundary instances; there are {n}")
        found = [neighbours_within(x) for x in (instances.x_boundary, instances.x_source)]
        near = torch.stack([distances for distances, _ in found], dim=1)
        ratio = diversity_estimate(near, sum(mutual(nearest) for _, nearest in found) / 2, rng=rng)
        measures: dict[str, Measured] = {
            name: self.as_measure(name, *median_of_neighbours(distances, nearest), n=n)
            for name, (distances, nearest) in zip(("nn_boundary", "nn_source"), found, strict=True)
        }
        measures["diversity"] = (
            self.as_measure("diversity", *ratio, n=n)
            if ratio
            else NotMeasured(not_measured="too many sources are copies of each other for a ratio to their distance")
        )
        return Findings(measures)


def diversity_estimate(near: Tensor, shared: float, *, rng: torch.Generator) -> Interval | None:
    """The ratio of both medians with its interval; None where too many distances are 0.

    Args:
        near: ``(N, 2)``, distance of each boundary instance, and of its source, to the nearest other one.
        shared: share of instances that have their distance in common with another.
    """
    median = quantiles(0.5)
    ratio = ratio_estimate(median(near.double()[None])[0], replicates(near, median, rng=rng))
    if ratio is None or ratio.value == 0:
        return ratio
    stretch = (1 + shared) ** 0.5
    low, high = (ratio.value * (end / ratio.value) ** stretch for end in (ratio.low, ratio.high))
    return Interval(ratio.value, low, high)
