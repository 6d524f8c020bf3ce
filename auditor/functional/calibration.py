"""Expected calibration error without the bias that chance gives it, its interval, and how well chance explains it.

    T = sum over bins of  n_b / N * |mean confidence_b - accuracy_b|

A perfectly calibrated model has T > 0 in every finite sample: each bin misses by chance, and all misses add up. So T is
compared with what chance makes of models whose calibration error is theta, spread over the bins as it was seen (each
gap shrunk by as much of it as chance explains, all then scaled to theta):

    value   the theta under which T is as often larger as smaller; 0 where a calibrated model shows as much
    low     the largest theta under which so large a T is rarer than 1 in 40; high: the smallest, for so small a T
    p       how often a calibrated model shows so large a T: labels drawn from the confidences themselves (exact)

Sources: Guo et al., arXiv 1706.04599 (T); Broecker and Smith, Weather and Forecasting 22, 2007, and Vaicenavicius et
al., arXiv 1902.06977 (labels drawn from the confidences); the interval by inversion of the test is this tool's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.functional.statistics import CELLS
from auditor.numbers.intervals import LEVEL, Interval

BINS = 15
DRAWS = 1000
STEPS = 48
"""Values of theta that are tried, closer together near 0."""


def bin_of(confidence: Tensor) -> Tensor:
    """Which of the ``BINS`` bins [i / BINS, (i + 1) / BINS) holds each confidence; 1 belongs to the last.

    Args:
        confidence (float32): ``(N,)`` in [0, 1].
    Returns:
        int64 ``(N,)``.
    """
    inner = torch.arange(1, BINS, dtype=confidence.dtype) / BINS
    return torch.bucketize(confidence, inner, right=True)


def calibration_error(confidence: Tensor, correct: Tensor, *, rng: torch.Generator) -> tuple[Interval, float]:
    """The calibration error with its interval, and the probability of one as large if the model were calibrated.

    Args:
        confidence (float32): ``(N,)`` in [0, 1], N >= 1.
        correct (bool): ``(N,)``.
        rng: CPU generator.
    """
    in_bin = torch.nn.functional.one_hot(bin_of(confidence), BINS).float()
    count, right = in_bin.double().sum(dim=0), correct.float() @ in_bin
    mean = (confidence.double() @ in_bin.double()) / count.clamp_min(1)
    seen = float(_error(count, mean, right))
    p = (1 + int((_of_calibrated(confidence, in_bin, mean, rng) >= seen - 1e-12).sum())) / (1 + DRAWS)
    counts = _resampled(count, rng)  # which samples were drawn varies too, so every draw has bins of its own size
    shape = _shape(count, mean, right)
    thetas, above, below = [0.0], [p], [1.0]
    for theta in torch.linspace(0, 1, STEPS + 1)[1:].square() * min(1.0, seen + 3 / len(confidence) ** 0.5):
        rate = (mean - theta * shape).clamp(0, 1)
        errors = _error(counts, mean, torch.binomial(counts, rate.expand_as(counts), generator=rng))
        thetas.append(float(_error(count, mean, rate * count)))
        above.append(float((errors >= seen - 1e-12).double().mean()))
        below.append(float((errors <= seen + 1e-12).double().mean()))
    tail = (1 - LEVEL) / 2
    value, low = _first(thetas, above, 0.5), _first(thetas, above, tail)
    high = _first(thetas, [1 - share for share in below], 1 - tail)
    return Interval(value, min(low, value), max(high, value)), p


def _shape(count: Tensor, mean: Tensor, right: Tensor) -> Tensor:
    """How the gaps of confidence over accuracy are spread over the bins, ``(BINS,)`` with a mean size of 1.

    A gap counts for the share of its square that chance does not explain, taken over all bins together (empirical
    Bayes); where chance explains all, as it was seen.
    """
    gap = torch.where(count > 0, mean - right / count.clamp_min(1), 0)
    chance = mean * (1 - mean) / count.clamp_min(1)
    real = ((gap.square() - chance) * count).sum() / count.sum()
    shape = gap * real / (real + chance).clamp_min(1e-12) if real > 0 else gap
    size = (shape.abs() * count).sum() / count.sum()
    return shape / size if size > 0 else torch.ones_like(gap)


def _first(thetas: list[float], shares: list[float], level: float) -> float:
    """The theta at which a rising share first reaches the level, between those tried; the last where none does."""
    for place, share in enumerate(shares):
        if share >= level:
            if place == 0:
                return thetas[0]
            part = (level - shares[place - 1]) / (share - shares[place - 1])
            return thetas[place - 1] + part * (thetas[place] - thetas[place - 1])
    return thetas[-1]


def _error(count: Tensor, mean: Tensor, hits: Tensor) -> Tensor:
    """T of ``(..., BINS)`` counts and hits."""
    return (mean * count - hits).abs().sum(dim=-1) / count.sum(dim=-1)


def _of_calibrated(confidence: Tensor, in_bin: Tensor, mean: Tensor, rng: torch.Generator) -> Tensor:
    """T of ``DRAWS`` calibrated models with these confidences: each answer is right with the probability it states.

    Args:
        in_bin (float32): ``(N, BINS)``, 1 in the bin of each confidence.
    """
    parts = []
    for draws in torch.arange(DRAWS).split(max(1, CELLS // len(confidence))):
        right = (torch.rand(len(draws), len(confidence), generator=rng) < confidence).float()
        parts.append(_error(in_bin.double().sum(dim=0), mean, right @ in_bin))
    return torch.cat(parts)


def _resampled(count: Tensor, rng: torch.Generator) -> Tensor:
    """Sizes of the bins in ``DRAWS`` samples as large as this one: multinomial, one bin after the other."""
    left, rest = count.sum().expand(DRAWS), float(count.sum())
    sizes = []
    for size in count.tolist():
        share = torch.full_like(left, min(1.0, size / rest) if rest > 0 else 0.0)
        sizes.append(torch.binomial(left, share, generator=rng))
        left, rest = left - sizes[-1], rest - size
    return torch.stack(sizes, dim=1)
