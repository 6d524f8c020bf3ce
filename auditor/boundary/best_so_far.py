"""What has arrived so far of the instances that a network carries to another class."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

INTRUSION = 0.25
"""An arrival that gives any third class more than this is kept only while there is none that gives it less."""


@dataclass
class BestSoFar:
    """The best arrival of each instance of one direction so far: the nearest of those clear of third classes.

    Args:
        x: ``(N, *shape)``; the start where nothing has arrived.
        distance: ``(N,)``, infinity where nothing has arrived.
        clear: bool ``(N,)``, whether the arrival gives no third class more than ``INTRUSION`` and none was met on
            the way; the bisection of one that is not is likely to end in that class.
        missing: int64 ``(M,)``, rows of the instances without an arrival that is clear.
        idle: looks without improvement since the last one.
    """

    x: Tensor
    distance: Tensor
    clear: Tensor
    missing: Tensor
    idle: int = 0

    @classmethod
    def none(cls, start: Tensor) -> BestSoFar:
        """Nothing has arrived yet."""
        count = len(start)
        distance, clear = torch.full((count,), math.inf), torch.zeros(count, dtype=torch.bool)
        return cls(start.clone(), distance, clear, torch.arange(count))

    @property
    def arrived(self) -> Tensor:
        """Bool ``(N,)``."""
        return torch.isfinite(self.distance)

    def update(self, start: Tensor, moved: Tensor, p: Tensor, crossing: tuple[int, int], path: Tensor) -> None:
        """Keep what arrived better than before, and count looks without improvement.

        Args:
            start, moved: ``(N, *shape)``.
            p: ``(N, C)``, the artefact's probabilities of ``moved``.
            crossing: class to leave and class to arrive in.
            path: bool ``(N,)``, whether no third class was met on the way.
        """
        before = self._progress()
        distance = (moved - start).flatten(1).norm(dim=1)
        others = p.clone()
        others[:, list(crossing)] = 0
        clear = path & (others.amax(dim=1) <= INTRUSION)
        better = torch.where(clear == self.clear, distance < self.distance, clear) & (p.argmax(dim=1) == crossing[1])
        self.distance = torch.where(better, distance, self.distance)
        self.clear = torch.where(better, clear, self.clear)
        rows = torch.nonzero(better).flatten()
        self.x[rows] = moved[rows]
        self.missing = torch.nonzero(~(self.arrived & self.clear)).flatten()
        share, length = self._progress()
        improved = share > before[0] + 1e-9 or length < 0.98 * before[1]
        self.idle = 0 if improved else self.idle + 1

    def _progress(self) -> tuple[float, float]:
        kept = self.distance[self.arrived & self.clear]
        return len(kept) / max(1, len(self.distance)), float(kept.median()) if len(kept) else math.inf
