"""The published algorithm as a plain loop: one pair, one direction, one sample at a time.

Written from the definitions of the paper (arXiv 1912.11460, sections 3 and 4) at the authors' defaults: autoencoders of
784-100-50-784, 5,000 steps of Adam on batches of 128, bisection and trajectories one by one through torch. Stages are
measured on a stated part and scaled to the whole, because the whole takes a quarter of an hour a pair.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEPS, BATCH, ALPHA, BETA = 5000, 128, 0.8, 1e-4
PARTNERS, POINTS = 50, 50
STEPS_MEASURED, SAMPLES_MEASURED = 150, 10


@dataclass(frozen=True)
class Stage:
    """CPU seconds of one stage for both directions of a pair, scaled from the part that was run."""

    name: str
    part: str
    seconds: float


def stages(f: nn.Module, of_s: Tensor, of_t: Tensor, pair: tuple[int, int]) -> list[Stage]:
    """Cost of every stage of a pair.

    Args:
        f: the classifier in torch.
        of_s, of_t: samples of both classes, ``(N, 1, 28, 28)``.
        pair: the classes.
    """
    found, (s, t) = [], pair
    begin = time.process_time()
    for x, target in ((of_s, t), (of_t, s)):
        for _component in (1, 2):
            _train(f, x, target, STEPS_MEASURED)
    scale = STEPS / STEPS_MEASURED
    part = f"{STEPS_MEASURED} of {STEPS:,} steps"
    found.append(Stage("Components I and II, four autoencoders", part, (time.process_time() - begin) * scale))
    few = min(SAMPLES_MEASURED, len(of_s), len(of_t))
    begin = time.process_time()
    boundary = torch.stack([_bisect(f, a, b, s, t) for a, b in zip(of_s[:few], of_t[:few], strict=True)])
    once = (time.process_time() - begin) / few
    count = len(of_s) + len(of_t)
    found.append(Stage("Component III", f"{few} of {count} segments", once * count))
    found.append(Stage("RPBS and EPBS", f"{few} of {2 * count} segments", once * 2 * count))
    begin = time.process_time()
    for i in range(3):
        for j in range(few):
            _walk(f, boundary[i], boundary[j])
    once = (time.process_time() - begin) / (3 * few)
    walks = count * PARTNERS
    found.append(Stage("IDC", f"{3 * few} of {walks:,} trajectories", once * walks))
    return found


def _train(f: nn.Module, x: Tensor, target: int, steps: int) -> nn.Module:
    torch.manual_seed(0)
    g = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 784), nn.Sigmoid()
    )
    optimiser = torch.optim.Adam(g.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 1000, 0.95)
    wanted = F.one_hot(torch.full((BATCH,), target), 10).float()
    for _ in range(steps):
        batch = x[torch.randint(len(x), (BATCH,))]
        moved = g(batch)
        said = F.binary_cross_entropy(f(moved.view_as(batch)).softmax(1), wanted)
        loss = F.binary_cross_entropy(moved, batch.flatten(1)) + ALPHA * said
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return g


@torch.no_grad()
def _bisect(f: nn.Module, a: Tensor, b: Tensor, s: int, t: int) -> Tensor:
    while True:
        middle = (a + b) / 2
        p = f(middle[None]).softmax(1)[0]
        if abs(float(p[s] - p[t])) < BETA or torch.equal(middle, a) or torch.equal(middle, b):
            return middle
        a, b = (middle, b) if p[s] > p[t] else (a, middle)


@torch.no_grad()
def _walk(f: nn.Module, a: Tensor, b: Tensor) -> float:
    classes = [int(f((a + (b - a) * i / (POINTS - 1))[None]).argmax()) for i in range(POINTS)]
    return sum(x != y for x, y in itertools.pairwise(classes)) / (POINTS - 1)
