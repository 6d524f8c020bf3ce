"""Input-space complexity (IDC): how often the class changes between two boundary instances.

    IDC = mean over trajectories of  #{i : c_i != c_(i+1)} / (T - 1)

c_i is the predicted class at the i-th of T evenly spaced points, both ends included.
0: the segment never leaves its class; 1: the class changes at every step.

Trajectories are drawn as the rounds of a tournament, so that no pair of instances comes twice and the first ones share
as few instances as they can. The interval allows for trajectories that share an instance. Sampling stops when it is
narrow enough, or when it is wide for want of instances and more trajectories between the same ones would not help.

Both ends are taken on the side of s: a boundary instance is predicted s or t by the last digits of its probabilities,
so that a flat boundary would change the class once on every other segment. A half-space has an IDC of 0.

Differences from the authors' code: it takes the ends as they are (so does the profile ``paper``); it never visits one
end and divides by T; it draws a segment and its mirror image as two; it always walks N x 50 trajectories.
Source: arXiv 1912.11460, section 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from auditor.boundary.base import BETA, BoundaryInstances
from auditor.characteristics.base import Characteristic, Evidence, Findings, characteristic
from auditor.functional.one_side import stepped_back
from auditor.functional.statistics import LEAST_FOR_RARE, mean_over_pairs
from auditor.functional.trajectories import oscillation, segments, tournament
from auditor.models.classifier import Classifier
from auditor.results import Definition, StripSeries

CELLS = 2**22
"""Numbers in the points that are held at once (16 MiB of float32)."""
SHOWN = 5
LEAST_ENDS = 10
"""Ends of trajectories among the instances of one generator that say something of it."""
LEAST_INSTANCES = 3
"""Two instances have one segment between them, which says nothing about the spread."""


@characteristic("idc")
@dataclass(frozen=True)
class InputSpaceComplexity(Characteristic):
    """Share of steps on segments between boundary instances at which the class changes.

    Args:
        partners: at most N x partners trajectories are walked.
        points: T, points on each trajectory.
        least: trajectories walked before the interval is looked at.
        tolerance: half-width at which sampling stops, in multiples of the precision asked for (0.003 where
            that is 0.01): the classes of a trained model change at a few hundredths of the steps.
        exhausted: sampling stops as well when the interval of as many independent trajectories would be this
            share of the interval's width; at 0.4, endlessly many more would narrow it by a twelfth.
        one_sided: step from each instance to the side of s first.

    A precision of 0 asks for every trajectory, as the authors walk them.
    """

    partners: int = 50
    points: int = 50
    least: int = 50
    tolerance: float = 0.3
    exhausted: float = 0.4
    one_sided: bool = True

    on_baselines = True
    definitions: ClassVar[Mapping[str, Definition]] = {
        "idc": Definition(
            title="Input-space complexity (IDC)",
            unit="share of steps",
            direction="lower is simpler",
            bounds=(0.0, 1.0),
            scope="direction",
            headline=True,
            formula="mean over trajectories of #{i : c_i != c_(i+1)} / (T - 1)",
            text="We walk in a straight line from one boundary instance to another, both just on the side of the "
            "source class, and count how often the predicted class changes on the way. A flat boundary gives no "
            "changes; a folded one gives many.",
            source="arXiv 1912.11460, section 4.1",
        )
    }

    @classmethod
    def configured(cls, profile: str) -> Self:
        """The instances as they are for the profile ``paper``."""
        return cls(one_sided=profile != "paper")

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """Walk trajectories until more of them are not needed or do not help, or all are walked."""
        x = evidence.instances.x_boundary
        if len(x) < LEAST_INSTANCES:
            return self.not_measured(f"it takes {LEAST_INSTANCES} boundary instances; there are {len(x)}")
        if self.one_sided:
            x = on_source_side(evidence.classifier, evidence.instances, rng=rng)
        ends = tournament(len(x), 2 * self.partners, rng=rng)[: len(x) * self.partners]
        classes = torch.empty(0, self.points, dtype=torch.int64)
        for batch in ends.split(list(self._batches(len(ends)))):
            classes = torch.cat([classes, classes_along(evidence.classifier, x, batch, self.points)])
            shares = oscillation(classes)
            value, low, high = mean_over_pairs(shares, ends[: len(classes)], len(x))
            half, alone = (high - low) / 2, 1.96 * float(shares.std()) / len(shares) ** 0.5
            if evidence.precision and (half <= self.tolerance * evidence.precision or alone <= self.exhausted * half):
                break
        trace = StripSeries(
            title="Predicted class along segments between boundary instances",
            x_label="point on the segment",
            rows=classes[:SHOWN].tolist(),
        )
        # What the interval says of shares outside [0, 1] is known not to be. A folded place that one instance in twenty
        # ends at may be missing among few instances, and nothing they say tells how much it would add.
        most = min(high, 1.0) if len(x) >= LEAST_FOR_RARE else None
        measure = self.as_measure("idc", value, max(low, 0.0), most, n=len(classes))
        by_generator = _of_generators(shares, evidence.instances.part[ends[: len(classes)]])
        return Findings(
            {"idc": measure}, {"idc_trace": trace}, by_generator={"idc": by_generator} if by_generator else {}
        )

    def _batches(self, total: int) -> Iterator[int]:
        """Sizes that add up to ``total``: each a quarter of what came before, so that looking costs little."""
        taken = 0
        while taken < total:
            size = min(max(self.least, taken // 4), total - taken)
            taken += size
            yield size


def _of_generators(shares: Tensor, parts: Tensor) -> list[float]:
    """What IDC would be between instances of each generator alone; empty where there is one, or one with few ends.

    A trajectory counts for the generators of both its ends, so means over a generator's ends lie half as far apart as
    generators do: the distance from the mean of all is doubled.

    Args:
        shares (float32): ``(P,)``.
        parts (int64): ``(P, 2)``, which generator made each end.
    """
    made = parts.unique().tolist()
    ends = torch.stack([(parts == part).sum(dim=1) for part in made]).double()
    if len(made) < 2 or float(ends.sum(dim=1).min()) < LEAST_ENDS:
        return []
    means = ends @ shares.double() / ends.sum(dim=1)
    return (2 * means - shares.double().mean()).clamp_min(0).tolist()


def on_source_side(classifier: Classifier, instances: BoundaryInstances, *, rng: torch.Generator) -> Tensor:
    """Each boundary instance a hair further on its way back to x'', where the model says s: float32 ``(N, *shape)``."""
    s, t = instances.source, instances.target
    x, lead = instances.x_boundary, instances.p_boundary[:, s] - instances.p_boundary[:, t]
    if instances.x_across is not None:
        across = instances.jump & (lead < 0)
        x = torch.where(across.view((-1,) + (1,) * (x.dim() - 1)), instances.x_across, x)
    # At a jump no step is too small to settle the class but for the rounding of coordinates.
    lead = torch.where(instances.jump, 1.0, lead)
    back = instances.x_adversarial_of_adversarial
    return stepped_back(classifier.probabilities, x, back, lead, (s, t), rng=rng, beta=BETA)


def classes_along(classifier: Classifier, x: Tensor, ends: Tensor, points: int) -> Tensor:
    """Predicted class at evenly spaced points between pairs of instances.

    Args:
        x (float32): ``(N, *shape)`` in [0, 1].
        ends (int64): ``(P, 2)``, rows of x.
        points: T.
    Returns:
        int64 ``(P, T)``.
    """
    at_once = max(1, CELLS // (points * x[0].numel()))
    parts = [
        classifier.predict(segments(x[pair[:, 0]], x[pair[:, 1]], points).flatten(0, 1)).view(-1, points)
        for pair in ends.split(at_once)
    ]
    return torch.cat(parts)
