"""Input-space complexity (IDC): how often the class changes between two boundary instances.

    IDC = mean over trajectories of  #{i : c_i != c_(i+1)} / (T - 1)

c_i is the predicted class at the i-th of T evenly spaced points, both ends included.
0: the segment never leaves its class; 1: the class changes at every step.

Trajectories are drawn as the rounds of a tournament, so that no pair of instances comes twice and the first ones share
as few instances as they can. The interval allows for trajectories that share an instance. Sampling stops when it is
narrow enough, or when it is wide for want of instances and more trajectories between the same ones would not help.

Of most trajectories a quarter of the points is asked for. Where the model changes class is found by halving cells that
are drawn with a known chance, and what is found counts by its inverse, so that the expectation of each trajectory's
share is the share over all points (``auditor.functional.trajectory_cells``). Draws on different trajectories have
nothing to do with each other: the mean stays unbiased, and its interval holds what they add to the spread. The
first ``SHOWN`` trajectories are walked in full where a figure shows them, and all are for the profile ``paper`` or at a
precision of 0.

Both ends are taken on the side of s: a boundary instance is predicted s or t by the last digits of its probabilities,
so that a flat boundary would change the class once on every other segment. A half-space has an IDC of 0.

On a GPU most classes come from a fast route at reduced precision; ``auditor.models.fast_classes`` says why they are the
artefact's all the same, and the figure's title which share it was asked about again. Leads, which only choose the
chances, are those of the fast route.

Differences from the authors' code: it takes the ends as they are and walks every point (so does the profile ``paper``);
it never visits one end and divides by T; it draws a segment and its mirror image as two; it always walks N x 50
trajectories.
Source: arXiv 1912.11460, section 4.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple, Self

import torch
from torch import Tensor

from auditor.boundary.base import BETA, BoundaryInstances
from auditor.characteristics.base import Characteristic, Evidence, Findings, characteristic
from auditor.characteristics.path_points import Ask, PathPoints, some_points
from auditor.documents.results import Definition, Series, StripSeries
from auditor.functional.just_across import stepped_back
from auditor.functional.statistics import LEAST_FOR_RARE, mean_over_pairs
from auditor.functional.trajectories import class_change_rate, round_robin_pairs
from auditor.functional.trajectory_cells import changes_along, first_steps
from auditor.models.classifier import Classifier
from auditor.models.fast_classes import TwoRoutes, classes_and_leads

TITLE = "Predicted class along segments between boundary instances"
SHOWN = 5
AT_ONCE = 4096
"""Trajectories between two looks at the interval, at most."""
SPREAD, SURE = 0.03, 2.0
"""Standard deviation of shares typical of a trained model, and how many times what it needs is walked before anyone
looks; never fewer than there are instances, so that each has been at two ends and one that is folded is seen."""
LEAST_ENDS = 10
"""Ends of trajectories among the instances of one generator that say something of it."""
LEAST_INSTANCES = 3
"""Two instances have one segment between them, which says nothing about the spread."""


class Walked(NamedTuple):
    """Trajectories and what they say.

    Args:
        shown: int64 ``(SHOWN, T)`` or fewer rows, the class along the first; none where no figure is drawn.
        shares: float64 ``(P,)``, of the steps at which the class changes, exact or of that expectation.
        value, low, high: mean of these with its interval.
    """

    shown: Tensor
    shares: Tensor
    value: float
    low: float
    high: float


@characteristic("idc")
@dataclass(frozen=True)
class InputSpaceComplexity(Characteristic):
    """Share of steps on segments between boundary instances at which the class changes.

    Args:
        partners: at most N x partners trajectories are walked.
        points: T, points on each trajectory.
        in_full: every point of every trajectory is asked for.
        least: trajectories walked before the interval is looked at, or fewer where a coarse one is wanted: ``SURE``
            times as many as shares of a typical ``SPREAD`` need, and as many as there are instances.
        tolerance: half-width at which sampling stops, in multiples of the precision asked for (0.003 where
            that is 0.01): the classes of a trained model change at a few hundredths of the steps.
        exhausted: sampling stops as well when the interval of as many independent trajectories would be this
            share of the interval's width; at 0.4, endlessly many more would narrow it by a twelfth.
        one_sided: step from each instance to the side of s first.

    A precision of 0 asks for every trajectory, as the authors walk them.
    """

    partners: int = 50
    points: int = 50
    in_full: bool = False
    least: int = 100
    tolerance: float = 0.3
    exhausted: float = 0.4
    one_sided: bool = True

    on_baselines = True
    definitions: ClassVar[Mapping[str, Definition]] = {
        "idc": Definition(
            title="Input-space complexity (IDC)",
            unit="share of steps",
            scale="rate",
            better="lower",
            reading="lower is simpler",
            bounds=(0.0, 1.0),
            headline=True,
            formula="mean over trajectories of #{i : c_i != c_(i+1)} / (T - 1)",
            text="We walk in a straight line from one boundary instance to another, both just on the side of the "
            "source class, and count how often the predicted class changes on the way. A flat boundary gives no "
            "changes; a folded one gives many. Of most lines only some of the points are asked for, more where a "
            "change is likely, and what they show is weighted so that the mean is that over all points.",
            source="arXiv 1912.11460, section 4.1",
        )
    }

    @classmethod
    def configured(cls, profile: str) -> Self:
        """The instances as they are, and every point of their trajectories, for the profile ``paper``."""
        if profile == "paper":
            return cls(one_sided=False, in_full=True, least=50)
        return cls()

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """Walk trajectories until more of them are not needed or do not help, or all are walked."""
        x = evidence.instances.x_boundary
        if len(x) < LEAST_INSTANCES:
            return self.not_measured(f"it takes {LEAST_INSTANCES} boundary instances; there are {len(x)}")
        if self.one_sided:
            x = on_source_side(evidence.classifier, evidence.instances, rng=rng)
        ends = round_robin_pairs(len(x), 2 * self.partners, rng=rng)[: len(x) * self.partners]
        walked, title = self._by_the_fastest_route(evidence, x, ends, int(torch.randint(2**62, (1,), generator=rng)))
        # What the interval says of shares outside [0, 1] is known not to be. A folded place that one instance in twenty
        # ends at may be missing among few instances, and nothing they say tells how much it would add.
        most = min(walked.high, 1.0) if len(x) >= LEAST_FOR_RARE else None
        count = len(walked.shares)
        measure = self.as_measure("idc", min(walked.value, 1.0), max(walked.low, 0.0), most, n=count)
        by_generator = _of_generators(walked.shares, evidence.instances.part[ends[:count]])
        series = dict[str, Series]()
        if evidence.drawn:
            rows = walked.shown.tolist()
            series["idc_trace"] = StripSeries(title=title, x_label="point on the segment", rows=rows)
        return Findings({"idc": measure}, series, by_generator={"idc": by_generator} if by_generator else {})

    def _by_the_fastest_route(self, evidence: Evidence, x: Tensor, ends: Tensor, seed: int) -> tuple[Walked, str]:
        """The walk and what the figure says of it: by two routes where that is faster and their bound holds."""
        classifier = evidence.classifier
        if classifier.reduced is not None:
            there = x.to(classifier.device)
            routes = TwoRoutes.measured(classifier, some_points(there, ends, self.points))
            walked = None if routes is None else self._walked(routes, there, ends, evidence, seed)
            if routes is not None and walked is not None:
                share = f"{routes.again / routes.asked:.1%} of the points asked again at full precision"
                return walked, f"{TITLE} ({share})"
        ask = partial(classes_and_leads, classifier)
        walked = self._walked(ask, x.to(classifier.artefact_device), ends, evidence, seed)
        assert walked is not None
        return walked, TITLE

    def _walked(self, ask: Ask, x: Tensor, ends: Tensor, evidence: Evidence, seed: int) -> Walked | None:
        """As many of the trajectories as it takes; None where ``ask`` ends the walk."""
        rng, path, precision = torch.Generator().manual_seed(seed), PathPoints(ask, x, self.points), evidence.precision
        steps = torch.arange(self.points) if self.in_full or not precision else first_steps(self.points)
        if (shown := path.classes(ends[: SHOWN if evidence.drawn else 0])) is None:
            return None

        def shares(batch: Tensor) -> Tensor | None:
            changes = changes_along(partial(path.at, batch), len(batch), steps, draw=partial(_drawn, rng=rng))
            return None if changes is None else changes / (self.points - 1)

        walked = self.sampled(class_change_rate(shown).double(), ends, len(x), precision, shares)
        return None if walked is None else Walked(shown, *walked)

    def sampled(
        self,
        shares: Tensor,
        ends: Tensor,
        count: int,
        precision: float,
        further: Callable[[Tensor], Tensor | None],
    ) -> tuple[Tensor, float, float, float] | None:
        """Trajectories until more of them are not needed or do not help, or all are taken.

        Args:
            shares: float64 ``(K,)``, of the first K < P trajectories, which are known.
            ends: int64 ``(P, 2)``, both instances of each, in [0, count).
            further: shares of those with these ends; None ends it all.
        Returns:
            their shares, the mean and both ends of its interval; None as ``further``.
        """
        size = max(self._first(precision, count) - len(shares), 1)
        while True:
            batch = ends[len(shares) :][:size]
            if (new := further(batch) if len(batch) else shares[:0]) is None:
                return None
            shares = torch.cat([shares, new])
            value, low, high = mean_over_pairs(shares, ends[: len(shares)], count)
            half, alone = (high - low) / 2, _half_width_alone(shares)
            enough = half <= self.tolerance * precision or alone <= self.exhausted * half
            if len(shares) == len(ends) or (precision and enough):
                return shares, value, low, high
            size = self._missing(len(shares), half, alone, precision)

    def _first(self, precision: float, count: int) -> int:
        """Trajectories between ``count`` instances before the interval is looked at."""
        if not precision:
            return self.least
        needed = SURE * (1.96 * SPREAD / (self.tolerance * precision)) ** 2
        return math.ceil(min(max(needed, count), self.least))

    def _missing(self, taken: int, half: float, alone: float, precision: float) -> int:
        """How many more trajectories it may take: an eighth to a half of those taken, at most ``AT_ONCE``.

        What instances add to the interval stays, what trajectories add goes with the root of their number.
        """
        target, stays = (self.tolerance * precision) ** 2, max(half**2 - alone**2, 0.0)
        narrow = alone**2 / (target - stays) if target > stays else math.inf
        exhausted = alone**2 * (self.exhausted**-2 - 1) / stays if stays else math.inf
        more = taken * (min(narrow, exhausted) - 1)
        return math.ceil(min(max(more, taken / 8), taken / 2, AT_ONCE))


def _drawn(chance: Tensor, *, rng: torch.Generator) -> Tensor:
    """Chooses with these chances: bool, the shape of ``chance``."""
    return torch.rand(chance.shape, dtype=torch.float64, generator=rng) < chance


def _half_width_alone(shares: Tensor) -> float:
    """Half-width of the interval of the mean if no two trajectories shared an instance."""
    count = 2 * len(shares)
    _, low, high = mean_over_pairs(shares, torch.arange(count).view(-1, 2), count)
    return (high - low) / 2


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
    """Each boundary instance a hair further on its way back to x'', where the model says s: float32 ``(N, *shape)``.

    The points lie on the artefact's device.
    """
    s, t = instances.source, instances.target
    x, lead = instances.x_boundary, instances.p_boundary[:, s] - instances.p_boundary[:, t]
    if instances.x_across is not None:
        across = instances.jump & (lead < 0)
        x = torch.where(across.view((-1,) + (1,) * (x.dim() - 1)), instances.x_across, x)
    # At a jump no step is too small to settle the class but for the rounding of coordinates.
    lead = torch.where(instances.jump, 1.0, lead)
    x, back, lead = (of.to(classifier.artefact_device) for of in (x, instances.x_adversarial_of_adversarial, lead))
    return stepped_back(classifier.probabilities, x, back, lead, (s, t), rng=rng, beta=BETA)
