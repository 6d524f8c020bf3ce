"""What DeepDIG does where it does not reach the target: it goes on by other means before it gives up.

1. Sources that Component I did not carry over: networks of their own, from another start and for longer.
2. Instances that Component II did not carry back: the segment to the source itself.
3. Sources that are still left, or whose bisection ended in a third class: the gradient-free search.

The first and the last only in directions where fewer than a share of the sources were reached; elsewhere what is lost
is counted and stays lost. Each instance says what led to it.

Differences from the paper: there such a source is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from auditor.boundary.base import ATTEMPTS, BoundaryInstances, DirectionTask
from auditor.boundary.best_so_far import BestSoFar
from auditor.boundary.components import translate
from auditor.boundary.gradient_free import GradientFree
from auditor.boundary.segments import Segments
from auditor.boundary.source_parts import Parts, derived, joined
from auditor.boundary.training import Training
from auditor.models.classifier import Classifier


@dataclass(frozen=True)
class Rescue:
    """When and how DeepDIG goes on.

    Args:
        below: share of sources; where fewer are reached it goes on.
        longer: training of the networks for sources that were not carried over.
        free: search for those that are still left.
    """

    below: float = 0.9
    longer: Training = field(default_factory=lambda: Training(steps=400, batch=16, patience=4))
    free: GradientFree = field(default_factory=GradientFree)

    def train_longer(self, classifier: Classifier, parts: Parts, forth: Sequence[BestSoFar]) -> list[Tensor]:
        """Train for what was not carried over, and put what arrives in place.

        Returns:
            for each part bool ``(N_k,)``, the sources that this carried over.
        """
        carried = [torch.zeros(len(arrivals.x), dtype=torch.bool) for arrivals in forth]
        missing = {k: torch.nonzero(~a.arrived).flatten() for k, a in enumerate(forth)}
        again = {k: rows for k, rows in missing.items() if len(rows) > (1 - self.below) * len(forth[k].x)}
        starts = [parts.starts[k][rows] for k, rows in again.items()]
        crossings, rngs = [parts.crossings[k] for k in again], [derived(parts.rngs[k]) for k in again]
        found = translate(classifier, starts, crossings, rngs, self.longer, lambda *_: None)
        for (k, rows), arrivals in zip(again.items(), found, strict=True):
            forth[k].x[rows], forth[k].distance[rows], forth[k].clear[rows] = (
                arrivals.x,
                arrivals.distance,
                arrivals.clear,
            )
            carried[k][rows] = arrivals.arrived
        return carried

    def search_on(
        self,
        classifier: Classifier,
        segments: Sequence[Segments],
        found: Sequence[BoundaryInstances],
        parts: Sequence[int],
    ) -> list[BoundaryInstances]:
        """The instances of each direction, with what the gradient-free search adds where too few were reached.

        Args:
            segments, found: what was bisected in each direction, and what that reached.
            parts: in how many parts the sources of each direction are.
        """
        made = list(found)
        poor = [k for k, one in enumerate(found) if len(one) < self.below * one.requested]
        poor = [k for k in poor if len(segments[k].task.x_target)]
        if not poor:
            return made
        left = [_left(segments[k], found[k]) for k in poor]
        tasks = [_of(segments[k].task, rows) for k, pair in zip(poor, left, strict=True) for rows in pair]
        searched = self.free.unverified(classifier, tasks)
        for place, (k, pair) in enumerate(zip(poor, left, strict=True)):
            made[k] = _merged(found[k], searched[2 * place : 2 * place + 2], pair, parts[k])
        return made


def _left(segments: Segments, found: BoundaryInstances) -> tuple[Tensor, Tensor]:
    """Rows of the sources without an instance: those that never came to a bisection, and those that it lost."""
    every = torch.arange(len(segments.task.x_source))
    bisected, reached = torch.isin(every, segments.origin), torch.isin(every, found.origin)
    return torch.nonzero(~bisected).flatten(), torch.nonzero(bisected & ~reached).flatten()


def _of(task: DirectionTask, rows: Tensor) -> DirectionTask:
    """The same direction from some of its sources, with a generator of its own."""
    embedding = None if task.embedding_source is None else task.embedding_source[rows]
    return replace(task, x_source=task.x_source[rows], embedding_source=embedding, rng=derived(task.rng))


def _merged(
    first: BoundaryInstances, searched: Sequence[BoundaryInstances], rows: tuple[Tensor, Tensor], parts: int
) -> BoundaryInstances:
    """One answer of both: what the search found joins the instances, and what it lost is what is lost.

    A source that had been bisected before keeps its count among the third classes.
    """
    assert first.attempt is not None
    fresh, again = searched
    origins = [first.origin, *(at[one.origin] for at, one in zip(rows, searched, strict=True))]
    order = torch.cat(origins).argsort()

    attempt = [first.attempt, *(torch.full((len(one),), ATTEMPTS.index("gradient-free search")) for one in searched)]
    return replace(
        first,
        **joined((first, *searched), order),
        origin=torch.cat(origins)[order],
        part=torch.cat(origins)[order] % parts,
        attempt=torch.cat(attempt)[order],
        adversarial=first.adversarial + fresh.adversarial,
        adversarial_of_adversarial=first.adversarial_of_adversarial + fresh.adversarial_of_adversarial,
        third_class=first.third_class + fresh.third_class,
        failures=Counter(fresh.failures) + Counter(again.failures),
    )
