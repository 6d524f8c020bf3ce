"""Two more decision-based searches, written only to compare the product's with them.

Each brings points of class t closer to their sources by decisions alone, all instances at once, and yields the points
after each round.

- ``hop_skip_jump``: estimates the boundary's normal from noise around the point. Source: arXiv 1904.02144.
- ``evolutionary``: random steps whose variance per coordinate adapts, biased to the source. Source: arXiv 1904.04433.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from auditor.functional.distances import l2
from auditor.functional.polar_search import Predict, entry


def hop_skip_jump(
    predict: Predict, x: Tensor, y: Tensor, classes: tuple[Tensor, Tensor], rng: torch.Generator
) -> Iterator[Tensor]:
    """Rounds of: estimate the normal, step along it, draw back to the boundary. Instances are flat, ``(N, D)``."""
    source, target = classes
    y, round_number = y.clone(), 0
    while True:
        round_number += 1
        count, distance = int(32 * math.sqrt(round_number)), l2(x, y)
        noise = torch.nn.functional.normalize(torch.randn(len(x), count, x.shape[1], generator=rng), dim=2)
        points = (y[:, None] + 0.3 * distance[:, None, None] * noise).clamp(0, 1)
        inside = predict(points.flatten(0, 1)) == target.repeat_interleave(count)
        sign = 2 * inside.view(len(x), count).float() - 1
        weight = torch.where(sign.std(dim=1, keepdim=True) == 0, sign, sign - sign.mean(dim=1, keepdim=True))
        normal = torch.nn.functional.normalize((weight[:, :, None] * (points - y[:, None])).mean(dim=1), dim=1)
        step, moved, open_rows = distance / math.sqrt(round_number), y.clone(), torch.arange(len(x))
        for _ in range(6):
            if not len(open_rows):
                break
            there = (y[open_rows] + step[open_rows, None] * normal[open_rows]).clamp(0, 1)
            good = predict(there) == target[open_rows]
            moved[open_rows[good]] = there[good]
            open_rows, step = open_rows[~good], step / 2
        drawn, _ = entry(predict, x, moved, source, target, 5)
        y = torch.where((l2(x, drawn) < distance)[:, None], drawn, y)
        yield y


def evolutionary(
    predict: Predict, x: Tensor, y: Tensor, classes: tuple[Tensor, Tensor], rng: torch.Generator
) -> Iterator[Tensor]:
    """One random step a round; its variance follows the path of the steps that helped. Instances are flat."""
    y, target = y.clone(), classes[1]
    variance, path = torch.ones_like(x), torch.zeros_like(x)
    pull = torch.full((len(x), 1), 0.05)
    while True:
        distance = l2(x, y)[:, None]
        noise = torch.nn.functional.normalize(torch.randn(x.shape, generator=rng) * variance.sqrt(), dim=1)
        there = y + 0.09 * distance * noise
        there = x + torch.nn.functional.normalize(there - x, dim=1) * distance
        there = (there + pull * (x - there)).clamp(0, 1)
        good = ((predict(there) == target) & (l2(x, there) < distance[:, 0]))[:, None]
        path = torch.where(good, 0.99 * path + 1.41 * (there - y) / distance.clamp_min(1e-12), path)
        variance = torch.where(good, 0.99 * variance + 0.1 * path.square(), variance)
        y = torch.where(good, there, y)
        pull = (pull * torch.where(good, 1.12, 0.97)).clamp(1e-4, 0.5)
        yield y
