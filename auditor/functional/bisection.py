"""Component III of DeepDIG: bisect between two instances to the decision boundary of their classes.

All segments advance together: one call of the model for each step, over the segments still open. A
segment ends with an outcome; nothing is dropped in silence.

Differences from the authors' code: it had no cap on steps, no test that s and t lead every other class, and
handled one instance at a time. Source: arXiv 1912.11460, section 3.3, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor


class Outcome(IntEnum):
    """How the bisection of one segment ended; ``reason`` is the text for the report."""

    BOUNDARY = 0
    THIRD_CLASS = 1
    PRECISION = 2
    STEPS = 3
    ENDS = 4

    @property
    def reason(self) -> str:
        """Why there is no boundary instance, in the words of the report."""
        return {
            Outcome.BOUNDARY: "reached the boundary",
            Outcome.THIRD_CLASS: "a third class led at the midpoint",
            Outcome.PRECISION: "float32 precision was exhausted before the two probabilities met",
            Outcome.STEPS: "the cap of bisection steps was reached",
            Outcome.ENDS: "an end of the segment was not in its class",
        }[self]


@dataclass(frozen=True)
class Bisected:
    """End state of N segments.

    Args:
        x: ``(N, *shape)``, the last midpoint of each segment.
        outcome: int64 ``(N,)`` of ``Outcome``.
        steps: int64 ``(N,)``, midpoints evaluated.
        third: int64 ``(N,)``, the class that led where the outcome is THIRD_CLASS; undefined elsewhere.
    """

    x: Tensor
    outcome: Tensor
    steps: Tensor
    third: Tensor

    @property
    def reached(self) -> Tensor:
        """Bool ``(N,)``: the segments that ended on the boundary."""
        return self.outcome == Outcome.BOUNDARY


def bisect(
    probabilities: Callable[[Tensor], Tensor],
    x_s: Tensor,
    x_t: Tensor,
    source: Tensor,
    target: Tensor,
    *,
    beta: float = 1e-4,
    max_steps: int = 60,
) -> Bisected:
    """Halve each segment until |p_s - p_t| < beta at its midpoint.

    The midpoint replaces the end whose class it has; a third class at the midpoint ends the segment.

    Args:
        probabilities: maps ``(n, *shape)`` to float32 ``(n, C)``, on the CPU.
        x_s, x_t: float32 ``(N, *shape)``, predicted s and t.
        source, target: int64 ``(N,)``, class s and t of each segment.
        beta: in (0, 1), largest gap of the two probabilities that counts as the boundary.
        max_steps: cap on the midpoints evaluated for one segment.
    Returns:
        the end state of every segment, in the order given.
    """
    count = len(x_s)
    low, high, x = x_s.clone(), x_t.clone(), (x_s + x_t) / 2
    outcome = torch.full((count,), Outcome.STEPS, dtype=torch.int64)
    steps = torch.zeros(count, dtype=torch.int64)
    third = torch.zeros(count, dtype=torch.int64)
    active = torch.arange(count)
    for _ in range(max_steps):
        if not len(active):
            break
        middle = (low[active] + high[active]) / 2
        p = probabilities(middle)
        x[active], steps[active] = middle, steps[active] + 1
        s, t = source[active], target[active]
        leader = p.argmax(dim=1)
        p_s, p_t = p.gather(1, s[:, None])[:, 0], p.gather(1, t[:, None])[:, 0]
        leads_s, leads_t = leader == s, leader == t
        stuck = ((middle == low[active]) | (middle == high[active])).flatten(1).all(dim=1)
        met = (leads_s | leads_t) & ((p_s - p_t).abs() < beta) & (torch.minimum(p_s, p_t) >= _best_other(p, s, t))

        state = torch.full((len(active),), Outcome.STEPS, dtype=torch.int64)
        state[stuck] = Outcome.PRECISION
        state[~(leads_s | leads_t)] = Outcome.THIRD_CLASS
        state[met] = Outcome.BOUNDARY
        outcome[active], third[active] = state, leader
        low[active[leads_s]], high[active[leads_t]] = middle[leads_s], middle[leads_t]
        active = active[state == Outcome.STEPS]
    return Bisected(x, outcome, steps, third)


def _best_other(p: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Largest probability among the classes that are neither s nor t, float32 ``(N,)``; -1 with two classes."""
    return p.scatter(1, torch.stack([s, t], dim=1), -1.0).amax(dim=1)
