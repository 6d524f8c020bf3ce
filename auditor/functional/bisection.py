"""Component III of DeepDIG: bisect between two instances to the decision boundary of their classes.

All segments advance together: one call of the model for each step, over the segments still open. A
segment ends with an outcome; nothing is dropped in silence. Everything lies on the device of the ends, and the host
waits for it once a step, to learn which segments are still open.

The probabilities of trees and of quantised networks are stairs: the two classes may change the lead without ever
meeting. Such a segment ends as a jump, two points closer than ``JUMP_WIDTH`` of which one is predicted s and one t.

After a few halvings the next point is taken where log p_s - log p_t would be zero if it were linear between the ends
(regula falsi, the Illinois rule), which takes fewer calls of the model; where that does not
pay, midpoints follow again.

Differences from the authors' code: it took midpoints only (so does ``halve_only``), had no cap on steps, no test that s
and t lead every other class, knew no jumps, and handled one instance at a time.
Source: arXiv 1912.11460, section 3.3, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

JUMP_WIDTH = 2.0**-23
"""Two points that differ by no more than this in any coordinate are neighbours: the spacing of float32 below 1."""
NARROW, STUCK = JUMP_WIDTH / 2, JUMP_WIDTH / 16
"""Width of a segment, before its ends are rounded to float32, at which they are neighbours, and at which one."""
COARSE = 2.0**20
"""Positions that are multiples of 1 / COARSE are taken in float32: those of the first twenty halvings, and those by
false position on segments that are ``WIDE``."""
WIDE = 64 / COARSE
CELLS = 2**24
"""Numbers that are held in float64 at once (128 MiB), but on a CPU."""
HALVINGS, LAST_FALSE_POSITION = 3, 14
"""Points by halving before the first by false position, and the number of points after which all are by halving."""


class Outcome(IntEnum):
    """How the bisection of one segment ended; ``reason`` is the text for the report."""

    BOUNDARY = 0
    THIRD_CLASS = 1
    PRECISION = 2
    STEPS = 3
    JUMP = 4

    @property
    def reason(self) -> str:
        """Why there is no boundary instance, in the words of the report."""
        return {
            Outcome.BOUNDARY: "reached the boundary",
            Outcome.THIRD_CLASS: "a third class led between the ends",
            Outcome.PRECISION: "float32 precision was exhausted before the two probabilities met",
            Outcome.STEPS: "the cap of bisection steps was reached",
            Outcome.JUMP: "the class jumped between two neighbouring points",
        }[self]


@dataclass(frozen=True)
class Bisected:
    """End state of N segments.

    Args:
        x: ``(N, *shape)``, the last point looked at of each segment; for a jump the end where s and t are closer.
        across: ``(N, *shape)``, for a jump the other end, at most ``JUMP_WIDTH`` away; ``x`` itself elsewhere.
        outcome: int64 ``(N,)`` of ``Outcome``.
        steps: int64 ``(N,)``, points looked at.
        third: int64 ``(N,)``, the class that led where the outcome is THIRD_CLASS; undefined elsewhere.
    """

    x: Tensor
    across: Tensor
    outcome: Tensor
    steps: Tensor
    third: Tensor

    def to(self, device: str) -> Bisected:
        """The same on another device."""
        x = self.x.to(device)
        across = x if self.across is self.x else self.across.to(device)
        return Bisected(x, across, self.outcome.to(device), self.steps.to(device), self.third.to(device))

    def part(self, start: int, end: int) -> Bisected:
        """Some rows of it."""
        return Bisected(*(of[start:end] for of in (self.x, self.across, self.outcome, self.steps, self.third)))

    def tried_again(self, rows: Tensor, again: Bisected) -> Bisected:
        """The same where the segments of ``rows`` ended as ``again`` says, the steps of both tries added up."""
        pairs = [
            (self.x, again.x),
            (self.across, again.across),
            (self.outcome, again.outcome),
            (self.third, again.third),
        ]
        x, across, outcome, third = (of.index_copy(0, rows, new) for of, new in pairs)
        return Bisected(x, across, outcome, self.steps.index_add(0, rows, again.steps), third)

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
    halve_only: bool = False,
    known: Tensor | None = None,
) -> Bisected:
    """Narrow each segment until |p_s - p_t| < beta at a point of it, or until its ends are neighbours.

    The point looked at replaces the end whose class it has; a third class there ends the segment.

    Args:
        probabilities: maps ``(n, *shape)`` to float32 ``(n, C)``, on the same device.
        x_s, x_t: float32 ``(N, *shape)``, predicted s and t.
        source, target: int64 ``(N,)``, class s and t of each segment, on the same device.
        beta: in (0, 1), largest gap of the two probabilities that counts as the boundary.
        max_steps: cap on the points looked at in one segment.
        halve_only: take midpoints throughout, as the paper does.
        known: float ``(N, 2)``, log p_s - log p_t at x_s and at x_t, infinite where it is not known; where both are,
            false position begins at once. Worth giving for short segments alone: on long ones that line is bent.
    Returns:
        the end state of every segment, in the order given.
    """
    count, device = len(x_s), x_s.device
    span = _span(x_s, x_t)
    low = torch.zeros(count, dtype=torch.float64, device=device)
    high = torch.ones(count, dtype=torch.float64, device=device)
    # p_s - p_t at both ends; of an end that has not moved it is not known. The same of their logarithms.
    gaps = torch.full((count, 2), torch.inf, device=device)
    slopes = _Slopes.none(count, device) if known is None else _Slopes.of(known)
    halvings = HALVINGS if known is None else 0
    outcome = torch.full((count,), Outcome.STEPS, dtype=torch.int64, device=device)
    steps = torch.zeros(count, dtype=torch.int64, device=device)
    third = torch.zeros(count, dtype=torch.int64, device=device)
    at = (low + high) / 2
    active = torch.arange(count, device=device)
    for step in range(max_steps):
        if not len(active):
            break
        a, b, s, t = low[active], high[active], source[active], target[active]
        middle = (a + b) / 2
        if not halve_only and halvings <= step < LAST_FALSE_POSITION:
            middle = slopes.zero(active, a, b, beta)
        p = probabilities(points_at(x_s[active], x_t[active], middle))
        at[active], steps[active] = middle, steps[active] + 1
        leader = p.argmax(dim=1)
        p_s, p_t = p.gather(1, s[:, None])[:, 0], p.gather(1, t[:, None])[:, 0]
        leads_s, leads_t = leader == s, leader == t
        met = (leads_s | leads_t) & ((p_s - p_t).abs() < beta) & (torch.minimum(p_s, p_t) >= _best_other(p, s, t))
        known = gaps[active]
        # A slope would give the midpoint a gap between those of the ends; a stair repeats that of one end.
        stair = (p_s - p_t) == torch.where(leads_t, known[:, 1], known[:, 0])
        width = (b - a) * span[active]

        state = torch.full_like(leader, Outcome.STEPS)
        state.masked_fill_((width <= STUCK) | (stair & (width <= NARROW)), Outcome.PRECISION)
        state.masked_fill_(~(leads_s | leads_t), Outcome.THIRD_CLASS)
        state.masked_fill_(met, Outcome.BOUNDARY)
        outcome[active], third[active] = state, leader
        low[active], high[active] = torch.where(leads_s, middle, a), torch.where(leads_t, middle, b)
        moved = torch.stack([leads_s, leads_t], dim=1)
        gaps[active] = torch.where(moved, (p_s - p_t)[:, None], known)
        slopes.moved(active, moved, p_s, p_t)
        active = active[torch.nonzero(state == Outcome.STEPS).flatten()]
    spent = (outcome == Outcome.PRECISION) | (outcome == Outcome.STEPS)
    jump = spent & (steps > 0) & ((high - low) * span <= NARROW)
    outcome.masked_fill_(jump, Outcome.JUMP)
    upper = gaps[:, 1].abs() < gaps[:, 0].abs()
    at = torch.where(jump, torch.where(upper, high, low), at)
    x = points_at(x_s, x_t, at)
    across = x if not jump.any() else points_at(x_s, x_t, torch.where(jump, torch.where(upper, low, high), at))
    return Bisected(x, across, outcome, steps, third)


@dataclass
class _Slopes:
    """log p_s - log p_t at the ends of N segments, as regula falsi sees it; ``moved`` changes it in place.

    Args:
        at: float64 ``(N, 2)``, at the ends s and t; infinite where it is not known.
        last: int64 ``(N,)``, the end that moved last, -1 where none has.
    """

    at: Tensor
    last: Tensor

    @classmethod
    def none(cls, count: int, device: torch.device) -> _Slopes:
        """Nothing is known yet."""
        at = torch.full((count, 2), torch.inf, dtype=torch.float64, device=device)
        return cls(at, torch.full((count,), -1, device=device))

    @classmethod
    def of(cls, known: Tensor) -> _Slopes:
        """Something is known already: float ``(N, 2)``, infinite where it is not."""
        return cls(known.double(), torch.full((len(known),), -1, device=known.device))

    def zero(self, rows: Tensor, low: Tensor, high: Tensor, beta: float) -> Tensor:
        """Where the straight line between the ends is nearly zero; the middle where an end is not known.

        Exactly on the boundary the class is a matter of rounding, and would change at every step along it. So the aim
        is |p_s - p_t| = beta / 2, on the side of the nearer end.
        """
        at_low, at_high = self.at[rows].unbind(1)
        aim = torch.where(at_low < -at_high, beta, -beta)
        place = low + (high - low) * ((at_low - aim) / (at_low - at_high)).clamp(0.01, 0.99)
        # The probabilities hardly change within a rounding, and no point falls on an end.
        place = torch.where(high - low >= WIDE, (place * COARSE).round() / COARSE, place)
        return torch.where(at_low.isfinite() & at_high.isfinite(), place, (low + high) / 2)

    def moved(self, rows: Tensor, moved: Tensor, p_s: Tensor, p_t: Tensor) -> None:
        """Take in the values at the new ends; where the same end moved twice, halve that of the other (Illinois).

        Args:
            rows: int64 ``(n,)``.
            moved: bool ``(n, 2)``, whether the end s or the end t is the new point; never both.
            p_s, p_t: float32 ``(n,)``, at the new point.
        """
        value = p_s.double().clamp_min(1e-30).log() - p_t.double().clamp_min(1e-30).log()
        at, last = self.at[rows], self.last[rows]
        again = moved & (last[:, None] == torch.arange(2, device=last.device))
        at = torch.where(again.flip(1), at / 2, at)
        self.at[rows] = torch.where(moved, value[:, None], at)
        self.last[rows] = torch.where(moved[:, 0], 0, torch.where(moved[:, 1], 1, last))


def points_at(x_s: Tensor, x_t: Tensor, at: Tensor) -> Tensor:
    """Points of segments, to the last digit of float32 where neighbours are told apart.

    Args:
        x_s, x_t: float32 ``(N, *shape)``.
        at: float64 ``(N,)`` in [0, 1], 0 at x_s.
    Returns:
        float32 ``(N, *shape)``; equal arguments give equal points, whatever stands beside them.
    """
    weight = at.view((-1,) + (1,) * (x_s.dim() - 1))
    x = torch.lerp(x_s, x_t, weight.float())
    # A coarse position is exact in float32, and so is all that is asked of the point; a fine one is worth its cost.
    fine = (at * COARSE).frac() != 0
    if x.device.type != "cpu":
        # To know how many are fine would cost a wait. So all are made both ways, some at a time for float64's memory.
        some = max(1, CELLS // max(1, x[:1].numel()))
        parts = (of.split(some) for of in (x_s, x_t, weight, x, fine.view_as(weight)))
        for a, b, w, made, chosen in zip(*parts, strict=True):
            made.copy_(torch.where(chosen, torch.lerp(a.double(), b.double(), w).float(), made))
        return x
    rows = torch.nonzero(fine).flatten()
    if len(rows):
        x[rows] = torch.lerp(x_s[rows].double(), x_t[rows].double(), weight[rows]).float()
    return x


def _span(x_s: Tensor, x_t: Tensor) -> Tensor:
    """Largest difference of a coordinate between the ends, float64 ``(N,)``."""
    if not x_s.numel():
        return torch.zeros(len(x_s), dtype=torch.float64, device=x_s.device)
    return (x_s - x_t).flatten(1).abs().amax(dim=1).double()


def _best_other(p: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Largest probability among the classes that are neither s nor t, float32 ``(N,)``; -1 with two classes."""
    return p.scatter(1, torch.stack([s, t], dim=1), -1.0).amax(dim=1)
