"""A direction's sources in parts, each carried by a generator of its own; and what they reached, together again.

What one network learns depends on its start and its batches. Several that share nothing but the model show how much:
the spread between their instances is what another seed would change.

Differences from the paper: there every direction has one pair of networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from auditor.boundary.base import ATTEMPTS, BoundaryInstances, DirectionTask
from auditor.boundary.best_so_far import BestSoFar
from auditor.boundary.segments import Segments

OF_EACH = ("x_source", "x_adversarial", "x_adversarial_of_adversarial", "x_boundary", "p_boundary", "steps")
"""Tensors with a row for each boundary instance."""

LEAST = 8
"""Sources that a part has at least, where there is more than one."""


@dataclass(frozen=True)
class Parts:
    """Parts of all directions, one after the other.

    Args:
        tasks: the directions.
        owner: for each part the row of its direction in ``tasks``.
        number: for each part its number within its direction.
        rows: for each part int64 ``(N_k,)``, its rows of the direction's sources.
        rngs: for each part a generator that depends on the direction's own alone.
    """

    tasks: Sequence[DirectionTask]
    owner: list[int]
    number: list[int]
    rows: list[Tensor]
    rngs: list[torch.Generator]

    @classmethod
    def of(cls, tasks: Sequence[DirectionTask], most: int) -> Parts:
        """Every k-th source in the k-th part, in as many parts as the sources suffice for."""
        made = cls(tasks, [], [], [], [])
        for row, task in enumerate(tasks):
            sources = torch.arange(len(task.x_source))
            count = max(1, min(most, len(sources) // LEAST))
            for part in range(count):
                made.owner.append(row)
                made.number.append(part)
                made.rows.append(sources[part::count])
                made.rngs.append(derived(task.rng) if count > 1 else task.rng)
        return made

    @property
    def starts(self) -> list[Tensor]:
        """Sources of each part: float32 ``(N_k, *shape)``."""
        return [self.tasks[k].x_source[rows] for k, rows in zip(self.owner, self.rows, strict=True)]

    @property
    def crossings(self) -> list[tuple[int, int]]:
        """Class to leave and class to arrive in, for each part."""
        return [(self.tasks[k].source, self.tasks[k].target) for k in self.owner]

    @property
    def counts(self) -> list[int]:
        """In how many parts the sources of each direction are."""
        return [self.owner.count(row) for row in range(len(self.tasks))]

    def segments(
        self, forth: Sequence[BestSoFar], back: Sequence[BestSoFar], longer: Sequence[Tensor] | None
    ) -> list[Segments]:
        """End points of each direction from what Components I and II reached in its parts, by source.

        Args:
            longer: for each part bool ``(N_k,)``, the sources that only longer training carried over; where it is
                given, what Component II did not carry back is bisected to its source. None gives such sources up.
        """
        return [self._joined(row, forth, back, longer) for row in range(len(self.tasks))]

    def _joined(
        self, row: int, forth: Sequence[BestSoFar], back: Sequence[BestSoFar], longer: Sequence[Tensor] | None
    ) -> Segments:
        task, mine = self.tasks[row], [k for k, owner in enumerate(self.owner) if owner == row]
        there = torch.cat([self.rows[k][forth[k].arrived] for k in mine])
        returned = torch.cat([back[k].arrived for k in mine])
        x_t = torch.cat([forth[k].x[forth[k].arrived] for k in mine])
        x_s = torch.cat([back[k].x for k in mine])
        part = torch.cat([torch.full((len(back[k].x),), self.number[k]) for k in mine])
        attempt = None
        if longer is not None:
            attempt = torch.cat([longer[k][forth[k].arrived] for k in mine]).long()
            attempt[~returned] = ATTEMPTS.index("segment to the source")
            # Not carried back, ``back.x`` is the start of Component II, x' itself.
            x_s[~returned] = task.x_source[there[~returned]]
            returned = torch.ones_like(returned)
        kept = torch.nonzero(returned).flatten()
        kept = kept[there[kept].argsort()]
        lost = {
            "Component I did not reach the target class": len(task.x_source) - len(there),
            "Component II did not return to the source class": int((~returned).sum()),
        }
        return Segments(
            task=task,
            x_source=task.x_source[there[kept]],
            x_t=x_t[kept],
            x_s=x_s[kept],
            origin=there[kept],
            part=part[kept],
            requested=len(task.x_source),
            adversarial=len(there),
            lost=Counter({reason: count for reason, count in lost.items() if count}),
            attempt=None if attempt is None else attempt[kept],
        )


def derived(rng: torch.Generator) -> torch.Generator:
    """A generator of its own, seeded by a draw."""
    return torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=rng)))


def together(parts: Sequence[BoundaryInstances], rows: Sequence[Tensor]) -> BoundaryInstances:
    """Instances of one direction that came of different sources, in the order of these.

    Args:
        parts: one or more, each of sources of its own, by one generator at its first attempt.
        rows: for each part int64 ``(N_k,)``, the rows of its sources among all of them.
    """
    first, *_ = parts
    assert all(part.attempt is None for part in parts)
    origin = torch.cat([row[part.origin] for row, part in zip(rows, parts, strict=True)])
    order = origin.argsort()

    started = [part.third_by_part.get(0, (0, 0)) for part in parts]
    return replace(
        first,
        **joined(parts, order),
        part=torch.cat([part.part for part in parts])[order],
        origin=origin[order],
        requested=sum(part.requested for part in parts),
        adversarial=sum(part.adversarial for part in parts),
        adversarial_of_adversarial=sum(part.adversarial_of_adversarial for part in parts),
        third_class=sum((part.third_class for part in parts), Counter()),
        third_by_part={0: (sum(count for count, _ in started), sum(lost for _, lost in started))},
        failures=sum((part.failures for part in parts), Counter()),
    )


def joined(parts: Sequence[BoundaryInstances], order: Tensor) -> dict[str, Any]:
    """What several sets hold of each instance, by name: one set after the other, and then in that order.

    Without ``origin``, ``part`` and ``attempt``, which mean something within a set only.
    """
    rows: dict[str, Any] = {name: torch.cat([getattr(part, name) for part in parts])[order] for name in OF_EACH}
    across = [part.x_boundary if part.x_across is None else part.x_across for part in parts]
    rows["x_across"] = torch.cat(across)[order] if any(part.x_across is not None for part in parts) else None
    return rows
