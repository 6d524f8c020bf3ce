"""Samples from populations with a known value: how often the interval of each kind of measure holds it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from auditor.characteristics.asymmetry import relative_difference
from auditor.characteristics.diversity import diversity_estimate
from auditor.characteristics.idc import InputSpaceComplexity
from auditor.documents.means_over_pairs import mean_of
from auditor.documents.profiles import PROFILES
from auditor.functional.calibration import BINS, bin_of, calibration_error
from auditor.functional.distances import neighbours_within
from auditor.functional.quantiles import (
    median_difference,
    median_of_neighbours,
    median_ratio,
    mutual,
    quantile_estimate,
)
from auditor.functional.statistics import LEAST_FOR_RARE, mean_estimate, mean_over_pairs
from auditor.functional.trajectories import class_change_rate, round_robin_pairs
from auditor.functional.trajectory_cells import changes_along, first_steps
from auditor.numbers.intervals import Interval, wilson
from auditor.pipeline.pairs.measuring import COARSER

SIZES = (24, 64, 400)
Draw = Callable[[int, torch.Generator], Interval | None]
"""One sample of that size and its estimate."""


@dataclass(frozen=True)
class Population:
    """One row: a kind of measure on one population.

    Args:
        measure: what is estimated, as the report calls it.
        drawn_from: the population.
        truth: the value; None: the median of the estimates, where it depends on the number of samples.
        draw: one sample.
        draws: how many.
        sizes: numbers of samples.
    """

    measure: str
    drawn_from: str
    truth: float | None
    draw: Draw
    draws: int = 2000
    sizes: tuple[int, ...] = SIZES


@dataclass(frozen=True)
class Cell:
    """How often an interval held the truth.

    Args:
        below, above: share of draws in which the truth lay below its lower end, above its upper one.
        open_below, open_above: share of draws in which that end was open.
    """

    below: float
    above: float
    open_below: float
    open_above: float

    @property
    def coverage(self) -> float:
        """Share of draws in which the interval held the truth."""
        return 1 - self.below - self.above


def measured(population: Population, size: int, seed: int) -> Cell:
    """Draw, estimate, count."""
    rng = torch.Generator().manual_seed(seed)
    found = [estimate for _ in range(population.draws) if (estimate := population.draw(size, rng)) is not None]
    truth = population.truth
    if truth is None:
        truth = float(torch.tensor([estimate.value for estimate in found], dtype=torch.float64).median())
    slack = 1e-9 * max(1.0, abs(truth))
    return Cell(
        below=sum(truth < e.low - slack for e in found) / len(found),
        above=sum(truth > e.high + slack for e in found) / len(found),
        open_below=sum(e.low == -math.inf for e in found) / len(found),
        open_above=sum(e.high == math.inf for e in found) / len(found),
    )


def populations() -> Iterator[Population]:
    """All rows, in the order of the page."""
    yield from _shares()
    yield from _margins()
    yield from _two_medians()
    yield from _means()
    yield from _segments()
    yield from _neighbours()
    yield from _calibrations()
    yield from _over_directions()
    yield from _walks()


def _shares() -> Iterator[Population]:
    def draw(share: float) -> Draw:
        return lambda n, rng: wilson(int((torch.rand(n, generator=rng) < share).sum()), n)

    for share in (0.02, 0.1, 0.5):
        yield Population("share (accuracy, third class, EDC accuracy)", f"true {share:.0%}", share, draw(share))


def _lognormal(n: int, rng: torch.Generator, sigma: float = 0.5) -> Tensor:
    return (sigma * torch.randn(n, generator=rng)).exp()


def _with_zeros(n: int, rng: torch.Generator) -> Tensor:
    """One sample in five is wrong already."""
    return torch.where(torch.rand(n, generator=rng) < 0.2, 0.0, _lognormal(n, rng))


def _censored(n: int, rng: torch.Generator) -> Tensor:
    """Nothing was found beyond 2, which one sample in twelve is."""
    values = _lognormal(n, rng)
    return torch.where(values > 2, math.inf, values)


def _margins() -> Iterator[Population]:
    def draw(values: Callable[[int, torch.Generator], Tensor], level: float) -> Draw:
        return lambda n, rng: quantile_estimate(values(n, rng), level)

    def of_lognormal(level: float) -> float:
        return math.exp(0.5 * NormalDist().inv_cdf(level))

    for level, name in ((0.5, "median"), (0.05, "5 % quantile"), (0.95, "95 % quantile")):
        yield Population(f"margin, {name}", "lognormal", of_lognormal(level), draw(_lognormal, level))
    yield Population(
        "margin, median", "the same, one in five 0", of_lognormal((0.5 - 0.2) / 0.8), draw(_with_zeros, 0.5)
    )
    yield Population("margin, median", "the same, censored at 2", 1.0, draw(_censored, 0.5))


def _two_medians() -> Iterator[Population]:
    def difference(n: int, rng: torch.Generator) -> Interval | None:
        return median_difference(_lognormal(n, rng), torch.rand(n, generator=rng))

    def against_many(n: int, rng: torch.Generator) -> Interval | None:
        return median_ratio(_lognormal(n, rng), 1 + torch.rand(500, generator=rng))

    def asymmetry(n: int, rng: torch.Generator) -> Interval | None:
        a, b = quantile_estimate(_lognormal(n, rng), 0.5), quantile_estimate(2 * _lognormal(n, rng), 0.5)
        return None if a is None or b is None else relative_difference(a, b)

    yield Population("margin gap, two medians", "lognormal against uniform", 0.5, difference)
    yield Population("realism, ratio of two medians", "lognormal against 500 uniform", 1 / 1.5, against_many)
    yield Population("asymmetry, of two medians", "one twice the other", 1 / 3, asymmetry)


def _means() -> Iterator[Population]:
    def draw(values: Callable[[int, torch.Generator], Tensor]) -> Draw:
        return lambda n, rng: mean_estimate(values(n, rng))

    normal = draw(lambda n, rng: torch.randn(n, generator=rng).abs())
    yield Population("mean (EDC distances)", "distance to a plane, normal", math.sqrt(2 / math.pi), normal)
    yield Population("mean (EDC distances)", "lognormal, sigma 0.5", math.exp(0.125), draw(_lognormal))
    skewed = draw(lambda n, rng: _lognormal(n, rng, 1.0))
    yield Population("mean (EDC distances)", "lognormal, sigma 1", math.exp(0.5), skewed)


def _segments() -> Iterator[Population]:
    """Class changes in the 49 steps of a segment between two instances; each instance is walked to some 24 others."""

    def draw(changes: Callable[[Tensor, torch.Generator], Tensor], count: Callable[..., Tensor]) -> Draw:
        def one(n: int, rng: torch.Generator) -> Interval:
            ends, own = round_robin_pairs(n, 24, rng=rng), count(n, rng)
            value, low, high = mean_over_pairs(changes(own[ends].sum(dim=1), rng) / 49, ends, n)
            return Interval(value, low, math.inf if n < LEAST_FOR_RARE else high)

        return one

    def folded(share: float) -> Callable[[int, torch.Generator], Tensor]:
        return lambda n, rng: 10 * (torch.rand(n, generator=rng) < share).float()

    def poisson(rate: float) -> Callable[[Tensor, torch.Generator], Tensor]:
        return lambda own, rng: torch.poisson(rate + own, generator=rng)

    smooth = draw(poisson(0.0), lambda n, rng: 0.4 * _lognormal(n, rng))
    yield Population("IDC", "instances alike", 0.8 * math.exp(0.125) / 49, smooth, 1000)
    skewed = draw(poisson(0.0), lambda n, rng: 0.4 * _lognormal(n, rng, 1.0))
    yield Population("IDC", "instances very unlike", 0.8 * math.exp(0.5) / 49, skewed, 1000)
    for share, name in ((0.1, "one instance in ten folded"), (0.05, "one in twenty folded")):
        truth = (0.8 + 2 * 10 * share) / 49
        yield Population("IDC", name, truth, draw(poisson(0.8), folded(share)), 1000)


def _walks() -> Iterator[Population]:
    """The same with a class at each point, of which some are asked for: pulses of a class in another, thin and wide.

    One pulse in five comes without a sign: the lead falls to nothing on it alone. Walks of a fixed number of
    trajectories, and walks that stop where the profile quick stops, for its own numbers and for those of baselines.
    """

    def draw(rate: Callable[[int, torch.Generator], Tensor]) -> Draw:
        def one(n: int, rng: torch.Generator) -> Interval:
            ends, own = round_robin_pairs(n, 12, rng=rng), rate(n, rng)
            value, low, high = mean_over_pairs(_some_points(own[ends].sum(dim=1), rng), ends, n)
            return Interval(value, low, math.inf if n < LEAST_FOR_RARE else high)

        return one

    def until_enough(rate: Callable[[int, torch.Generator], Tensor], precision: float) -> Draw:
        idc = InputSpaceComplexity.configured("quick")

        def one(n: int, rng: torch.Generator) -> Interval:
            ends, own = round_robin_pairs(n, 2 * idc.partners, rng=rng)[: n * idc.partners], rate(n, rng)
            nothing = torch.empty(0, dtype=torch.float64)
            found = idc.sampled(nothing, ends, n, precision, lambda batch: _some_points(own[batch].sum(dim=1), rng))
            assert found is not None
            _, value, low, high = found
            return Interval(value, low, math.inf if n < LEAST_FOR_RARE else high)

        return one

    def folded(n: int, rng: torch.Generator) -> Tensor:
        return 0.3 + 4 * (torch.rand(n, generator=rng) < 0.1).float()

    def alike(n: int, rng: torch.Generator) -> Tensor:
        return 0.4 * _lognormal(n, rng)

    rates, precision = {"instances alike": alike, "one instance in ten folded": folded}, PROFILES["quick"].precision
    truths = dict[str, float]()
    for name, rate in rates.items():
        rng, counts = torch.Generator().manual_seed(0), []
        for _ in range(20):  # all points of very many trajectories
            classes, _ = _pulses(rate(10_000, rng) + rate(10_000, rng), rng)
            counts.append(class_change_rate(classes).double().mean())
        truths[name] = float(torch.stack(counts).mean())
        yield Population("IDC, some of the points", name, truths[name], draw(rate), 400)
    for coarser, stops in ((1.0, "until quick stops"), (COARSER, "until its baselines stop")):
        for name, rate in rates.items():
            stopping = until_enough(rate, coarser * precision)
            yield Population(f"the same, {stops}", name, truths[name], stopping, 400, sizes=(24, 64))


def _some_points(rate: Tensor, rng: torch.Generator) -> Tensor:
    """Shares of trajectories with so many pulses on average, from some of their points: float64 ``(P,)``."""
    classes, leads = _pulses(rate, rng)
    changes = changes_along(
        lambda paths, steps: (classes[paths, steps], leads[paths, steps]),
        len(rate),
        first_steps(50),
        draw=lambda chance: torch.rand(chance.shape, dtype=torch.float64, generator=rng) < chance,
    )
    assert changes is not None
    return changes / 49


def _pulses(rate: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Classes and leads along trajectories of 50 points with so many pulses on average: int64, float32 ``(P, 50)``."""
    most, count = 12, len(rate)
    there = torch.arange(most) < torch.poisson(rate, generator=rng)[:, None]
    width = torch.where(torch.rand(count, most, generator=rng) < 0.3, 1.0, 12.0) * torch.rand(
        count, most, generator=rng
    )
    middle, announced = 49 * torch.rand(count, most, generator=rng), torch.rand(count, most, generator=rng) < 0.8
    beyond = (torch.arange(50) - middle[..., None]).abs() - width[..., None] / 2  # below 0 inside
    beyond = torch.where(there[..., None], beyond, 49.0)
    inside = (beyond < 0).any(dim=1)
    lead = torch.where(announced[..., None], beyond, 49.0).amin(dim=1).abs()
    return inside.long(), torch.where(inside, beyond.amin(dim=1).abs(), lead)


def _neighbours() -> Iterator[Population]:
    images = torch.tensor(load_digits().data, dtype=torch.float32) / 16

    def digits(n: int, rng: torch.Generator) -> Tensor:
        return images[torch.randperm(len(images), generator=rng)[:n]]

    def cloud(width: int) -> Callable[[int, torch.Generator], Tensor]:
        return lambda n, rng: torch.randn(n, width, generator=rng)

    def distance(points: Callable[[int, torch.Generator], Tensor]) -> Draw:
        return lambda n, rng: median_of_neighbours(*neighbours_within(points(n, rng)))

    def diversity(points: Callable[[int, torch.Generator], Tensor]) -> Draw:
        def one(n: int, rng: torch.Generator) -> Interval | None:
            x = points(n, rng)
            moved = 0.6 * x + 0.2 * torch.randn(x.shape, generator=rng)
            found = [neighbours_within(side) for side in (moved, x)]
            near = torch.stack([distances for distances, _ in found], dim=1)
            return diversity_estimate(near, sum(mutual(nearest) for _, nearest in found) / 2, rng=rng)

        return one

    clouds: dict[str, Callable[[int, torch.Generator], Tensor]] = {
        "normal, 2 dimensions": cloud(2), "normal, 10 dimensions": cloud(10), "8x8 digits": digits,
    }  # fmt: skip
    for name, points in clouds.items():
        yield Population("distance between neighbours, median", name, None, distance(points), 600)
    for name in ("normal, 10 dimensions", "8x8 digits"):
        yield Population("diversity, ratio of two such", name, None, diversity(clouds[name]), 400)


def _confidences(n: int, rng: torch.Generator) -> Tensor:
    """Mostly sure, as of a trained model: mean .88, one in four above .99."""
    return 1 - 0.5 * torch.rand(n, generator=rng) ** 3


def _calibrations() -> Iterator[Population]:
    def everywhere(off: float) -> Callable[[Tensor], Tensor]:
        return lambda confidence: confidence - off

    def cold(power: float) -> Callable[[Tensor], Tensor]:
        return lambda confidence: torch.sigmoid(torch.logit(confidence.clamp(1e-6, 1 - 1e-6)) * power)

    def part(off: float) -> Callable[[Tensor], Tensor]:
        return lambda confidence: confidence - off * ((confidence > 0.8) & (confidence < 0.94)).float()

    def draw(rate: Callable[[Tensor], Tensor]) -> Draw:
        def one(n: int, rng: torch.Generator) -> Interval:
            confidence = _confidences(n, rng)
            return calibration_error(confidence, torch.rand(n, generator=rng) < rate(confidence), rng=rng)[0]

        return one

    def true_error(rate: Callable[[Tensor], Tensor]) -> float:
        confidence = _confidences(2_000_000, torch.Generator().manual_seed(0))
        gap = (confidence - rate(confidence).clamp(0, 1)).double()
        sums = torch.zeros(BINS, dtype=torch.float64).index_add_(0, bin_of(confidence), gap)
        return float(sums.abs().sum()) / len(confidence)

    rates = {
        "calibrated": everywhere(0.0), "off by as much everywhere": everywhere(0.01),
        "the same ": everywhere(0.03), "the same  ": everywhere(0.1), "too sure (temperature)": cold(0.6),
        "off in one part alone": part(0.3),
    }  # fmt: skip
    for name, rate in rates.items():
        truth = true_error(rate)
        yield Population(
            "calibration error", f"{name.strip()}: {truth:.3f}", truth, draw(rate), 150, sizes=(64, 200, 1000)
        )


def _over_directions() -> Iterator[Population]:
    """Means over ten directions from one class, whose margins are those of the same samples."""

    def draw(shared: float) -> Draw:
        alike = 2 / math.pi * math.asin(shared)

        def one(n: int, rng: torch.Generator) -> Interval:
            own = torch.randn(n, generator=rng)
            measures = {}
            for target in range(1, 11):
                values = shared**0.5 * own + (1 - shared) ** 0.5 * torch.randn(n, generator=rng)
                estimate = quantile_estimate(values, 0.5)
                assert estimate is not None
                measures[0, target] = estimate
            return mean_of(measures, by_source=True, alike=alike)

        return one

    for shared in (0.0, 0.5, 1.0):
        yield Population(
            "mean over the audited directions", f"samples' margins alike: {shared}", 0.0, draw(shared), 400
        )
