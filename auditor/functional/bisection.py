"""Component III of DeepDIG: bisect between two instances to the decision boundary of their classes.

All segments advance together: one call of the model for each step, over the segments still open. A
segment ends with an outcome; nothing is dropped in silence.

The probabilities of trees and of quantised networks are stairs: the two classes may change the lead without ever
meeting. Such a segment ends as a jump, two points closer than ``JUMP_WIDTH`` of which one is predicted s and one t.

Differences from the authors' code: it had no cap on steps, no test that s and t lead every other class, knew no
jumps, and handled one instance at a time. Source: arXiv 1912.11460, section 3.3, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

JUMP_WIDTH = 2.0**-23
"""Two points that differ by no more than this in any coordinate are neighbours: the spacing of float32 below 1."""


class Outcome(IntEnum):
    """How the bisection of one segment ended; ``reason`` is the text for the report."""

    BOUNDARY = 0
    THIRD_CLASS = 1
    PRECISION = 2
    STEPS = 3
    ENDS = 4
    JUMP = 5

    @property
    def reason(self) -> str:
        """Why there is no boundary instance, in the words of the report."""
        return {
            Outcome.BOUNDARY: "reached the boundary",
            Outcome.THIRD_CLASS: "a third class led at the midpoint",
            Outcome.PRECISION: "float32 precision was exhausted before the two probabilities met",
            Outcome.STEPS: "the cap of bisection steps was reached",
            Outcome.ENDS: "an end of the segment was not in its class",
            Outcome.JUMP: "the class jumped between two neighbouring points",
        }[self]


@dataclass(frozen=True)
class Bisected:
    """End state of N segments.

    Args:
        x: ``(N, *shape)``, the last midpoint of each segment; for a jump the end where s and t are closer.
        across: ``(N, *shape)``, for a jump the other end, at most ``JUMP_WIDTH`` away; ``x`` itself elsewhere.
        outcome: int64 ``(N,)`` of ``Outcome``.
        steps: int64 ``(N,)``, midpoints evaluated.
        third: int64 ``(N,)``, the class that led where the outcome is THIRD_CLASS; undefined elsewhere.
    """

    x: Tensor
    across: Tensor
    outcome: Tensor
    steps: Tensor
    third: Tensor

    @property
    def reached(self) -> Tensor:
        """Bool ``(N,)``: the segments that ended on the boundary."""
        return (self.outcome == Outcome.BOUNDARY) | (self.outcome == Outcome.JUMP)


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
    """Halve each segment until |p_s - p_t| < beta at its midpoint, or until its ends are neighbours.

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
    # p_s - p_t at both ends; of an end that has not moved it is not known.
    gaps = torch.full((count, 2), torch.inf)
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
        # A slope would give the midpoint a gap between those of the ends; a stair repeats that of one end.
        stair = (p_s - p_t) == gaps[active, leads_t.long()]
        near = _width(low[active], high[active]) <= JUMP_WIDTH

        state = torch.full((len(active),), Outcome.STEPS, dtype=torch.int64)
        state[stuck | (stair & near)] = Outcome.PRECISION
        state[~(leads_s | leads_t)] = Outcome.THIRD_CLASS
        state[met] = Outcome.BOUNDARY
        outcome[active], third[active] = state, leader
        for side, (end, leads) in enumerate(((low, leads_s), (high, leads_t))):
            end[active[leads]], gaps[active[leads], side] = middle[leads], (p_s - p_t)[leads]
        active = active[state == Outcome.STEPS]
    spent = (outcome == Outcome.PRECISION) | (outcome == Outcome.STEPS)
    jump = spent & (steps > 0) & (_width(low, high) <= JUMP_WIDTH)
    outcome[jump] = Outcome.JUMP
    upper = (gaps[:, 1].abs() < gaps[:, 0].abs()).view((-1,) + (1,) * (x.dim() - 1))
    x[jump] = torch.where(upper, high, low)[jump]
    across = x.clone()
    across[jump] = torch.where(upper, low, high)[jump]
    return Bisected(x, across, outcome, steps, third)


def _width(low: Tensor, high: Tensor) -> Tensor:
    """Largest difference of a coordinate, float32 ``(N,)``."""
    return (high - low).flatten(1).abs().amax(dim=1) if low.numel() else torch.zeros(len(low))


def _best_other(p: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Largest probability among the classes that are neither s nor t, float32 ``(N,)``; -1 with two classes."""
    return p.scatter(1, torch.stack([s, t], dim=1), -1.0).amax(dim=1)
