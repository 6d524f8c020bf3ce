"""The class at single points of straight paths between instances, asked of a model in large batches."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from auditor.functional.trajectories import points_at

CELLS = {"cpu": 2**22, "cuda": 2**26}
"""Numbers in the points that are held at once, by device (16 and 256 MiB of float32)."""
EVEN = {"cpu": False, "cuda": True}
"""Whether points are cut into parts of one size, best for a GPU; on a CPU the cut decides how sums are rounded."""
SAMPLED = 512
"""Points of a direction's paths on which a fast route is held against the artefact."""
GOLDEN = 0.6180339887498949
"""Multiples of it fall evenly on the unit interval, however many they are."""

Ask = Callable[[Tensor], tuple[Tensor, Tensor] | None]
"""Maps points ``(n, *shape)`` to their classes, int64 ``(n,)``, and leads, float32 ``(n,)``; None ends the walk."""


class PathPoints:
    """What a model says along paths between instances; the class of an instance itself is asked for once.

    Args:
        ask: the model.
        x (float32): ``(N, *shape)`` in [0, 1], on any device; points are made there.
        points: T, on a path, evenly spaced with both ends.
    """

    def __init__(self, ask: Ask, x: Tensor, points: int) -> None:
        self._ask, self._x, self._points = ask, x, points
        self._known = torch.zeros(len(x), dtype=torch.bool)
        self._classes, self._leads = torch.zeros(len(x), dtype=torch.int64), torch.zeros(len(x))

    def classes(self, ends: Tensor) -> Tensor | None:
        """The class at every point of paths between rows of x, int64 ``(P, 2)``: int64 ``(P, T)``; None as ``ask``."""
        rows, steps = torch.arange(len(ends)).repeat_interleave(self._points), torch.arange(self._points)
        answers = self.at(ends, rows, steps.repeat(len(ends)))
        return None if answers is None else answers[0].view(-1, self._points)

    def at(self, ends: Tensor, paths: Tensor, steps: Tensor) -> tuple[Tensor, Tensor] | None:
        """The class at single points of paths, and its lead.

        Args:
            ends (int64): ``(P, 2)``, rows of x, on the CPU.
            paths, steps (int64): ``(n,)``, of each point, in [0, P) and [0, T).
        Returns:
            int64 and float32 ``(n,)`` on the CPU; None as ``ask``.
        """
        ends, last = ends[paths], self._points - 1
        instance = torch.where(steps == last, ends[:, 1], ends[:, 0])
        inner = torch.nonzero((steps > 0) & (steps < last)).flatten()
        at_ends = torch.nonzero((steps == 0) | (steps == last)).flatten()
        new = instance[at_ends].unique()
        new = new[~self._known[new]]
        found = self._answers(torch.stack([new, new], dim=1), torch.zeros_like(new))
        between = None if found is None else self._answers(ends[inner], steps[inner])
        if found is None or between is None:
            return None
        self._classes[new], self._leads[new] = found
        self._known[new] = True
        classes, leads = self._classes[instance], self._leads[instance]
        classes[inner], leads[inner] = between
        return classes, leads

    def _answers(self, ends: Tensor, steps: Tensor) -> tuple[Tensor, Tensor] | None:
        if not len(ends):
            return torch.empty(0, dtype=torch.int64), torch.empty(0)
        x, parts = self._x, list[tuple[Tensor, Tensor]]()
        # In one copy; 32 bits are enough for both.
        where = torch.cat([ends, steps[:, None]], dim=1).int()
        for part in where.split(_at_once(len(where), x[0].numel(), x.device)):
            a, b, step = part.to(x.device).unbind(dim=1)
            answers = self._ask(points_at(x[a], x[b], step, self._points))
            if answers is None:
                return None
            parts.append(answers)
        classes, leads = (torch.cat(of) for of in zip(*parts, strict=True))
        return classes.cpu(), leads.cpu()


def some_points(x: Tensor, ends: Tensor, points: int) -> Tensor:
    """Points of the paths, spread evenly over these and over the way: float32 ``(SAMPLED, *shape)``."""
    rows = torch.arange(SAMPLED) * len(ends) // SAMPLED
    steps = (torch.arange(SAMPLED, dtype=torch.float64) * GOLDEN % 1 * points).long()
    a, b = ends[rows].to(x.device).unbind(1)
    return points_at(x[a], x[b], steps.to(x.device), points)


def _at_once(count: int, numbers: int, device: torch.device) -> int:
    """So many of ``count`` points of so many numbers each are made together."""
    most = max(1, CELLS[device.type] // numbers)
    return math.ceil(count / math.ceil(count / most)) if EVEN[device.type] else most
