"""From pairs of end points to boundary instances: bisection for all directions at once.

DeepDIG and both baselines end here; they differ in the end points alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.boundary.base import ATTEMPTS, BoundaryInstances, DirectionTask
from auditor.functional.bisection import Bisected, Outcome, bisect
from auditor.models.classifier import Classifier

TO_SAMPLE = ATTEMPTS.index("segment to a sample of the other class")


@dataclass(frozen=True)
class Segments:
    """End points for one direction; row i of each tensor belongs together.

    Args:
        task: the direction.
        x_source: ``(N, *shape)``, where each instance started.
        x_t: ``(N, *shape)``, predicted t.
        x_s: ``(N, *shape)``, predicted s.
        origin, part: int64 ``(N,)``, the row of the task's sources that each one came from, and which of the
            direction's generators carried it.
        requested, adversarial: instances asked for, and those that reached t.
        lost: instances lost before bisection, by reason.
        attempt: int64 ``(N,)``, which of ``ATTEMPTS`` led to the end points; None where the first led to all of them.
        further: int64 ``(N, K)``, rows of the task's samples of t to which the source is joined, one after the other,
            where a third class leads between the ends.
        known: float32 ``(N, 2)``, log p_s - log p_t at ``x_s`` and at ``x_t``, infinite where it is not known.
    """

    task: DirectionTask
    x_source: Tensor
    x_t: Tensor
    x_s: Tensor
    origin: Tensor
    part: Tensor
    requested: int
    adversarial: int
    lost: Counter[str] = field(default_factory=Counter)
    attempt: Tensor | None = None
    further: Tensor | None = None
    known: Tensor | None = None


def paired(task: DirectionTask, partner: Tensor, further: Tensor | None = None) -> Segments:
    """Segments from the first N sources to samples of t.

    Args:
        partner: int64 ``(N,)``, rows of the samples of t.
        further: as in ``Segments``.
    """
    count = len(partner)
    x_source, origin, part = task.x_source[:count], torch.arange(count), torch.zeros(count, dtype=torch.int64)
    x_t = task.x_target[partner]
    return Segments(task, x_source, x_t, x_source, origin, part, requested=count, adversarial=count, further=further)


def between(
    classifier: Classifier,
    directions: Sequence[Segments],
    *,
    beta: float,
    max_steps: int,
    retries: int = 0,
    halve_only: bool = False,
) -> list[BoundaryInstances]:
    """Bisect the segments of every direction together and sort the outcomes back.

    A segment lost to a third class is tried again with its ``further`` ends of t, and may then be with the s end of a
    neighbour that reached the boundary: the nearest one first, then the next. ``third_class`` counts the first tries,
    also where a later one succeeds.

    Args:
        beta: largest |p_s - p_t| of a boundary instance.
        max_steps: cap on the steps of one bisection.
        retries: how many neighbours are tried.
        halve_only: take midpoints throughout, as the paper does.
    Returns:
        for each direction the instances that reached its boundary, unverified, with all losses counted.
    """
    sizes = [len(d.x_source) for d in directions]
    direction = torch.arange(len(directions)).repeat_interleave(torch.tensor(sizes))
    classes = torch.tensor([(d.task.source, d.task.target) for d in directions])[direction]
    x_s, x_t = torch.cat([d.x_s for d in directions]), torch.cat([d.x_t for d in directions])
    attempts = torch.cat([torch.zeros_like(d.origin) if d.attempt is None else d.attempt for d in directions])
    device = classifier.artefact_device

    def run(rows: Tensor, known: Tensor | None = None) -> Bisected:
        s, t = classes[rows].to(device).unbind(1)
        # Half the tolerance: probabilities differ in the last digits between batch sizes.
        ends = x_s[rows].to(device), x_t[rows].to(device), s, t
        start = None if known is None else known.to(device)
        return bisect(
            classifier.probabilities, *ends, beta=beta / 2, max_steps=max_steps, halve_only=halve_only, known=start
        ).to("cpu")

    given = [d.known for d in directions if d.known is not None]
    done = run(torch.arange(len(x_s)), torch.cat(given) if len(given) == len(directions) else None)
    first = _lost(done)
    third = [Counter(done.third[(direction == k) & first].tolist()) for k in range(len(directions))]
    further = _further(directions)
    x_source = torch.cat([d.x_source for d in directions]) if further.shape[1] else x_s
    for attempt in range(further.shape[1]):
        rows = torch.nonzero(_lost(done) & (further[:, attempt] >= 0)).flatten()
        if not len(rows):
            break
        owners, partners = direction[rows].tolist(), further[rows, attempt].tolist()
        x_t[rows] = torch.stack([directions[k].task.x_target[row] for k, row in zip(owners, partners, strict=True)])
        x_s[rows], attempts[rows] = x_source[rows], TO_SAMPLE
        done = done.tried_again(rows, run(rows))
    neighbour_of = _neighbours(x_t, x_s, done, direction, retries)
    for attempt in range(retries):
        rows = torch.nonzero(_lost(done) & (neighbour_of[:, attempt] >= 0)).flatten()
        if not len(rows):
            break
        x_s[rows] = x_s[neighbour_of[rows, attempt]]
        done = done.tried_again(rows, run(rows))
    offsets = torch.tensor([0, *sizes]).cumsum(0).tolist()
    return [
        _collected(
            replace(d, x_s=x_s[a:b], x_t=x_t[a:b], attempt=None if d.attempt is None else attempts[a:b]),
            done.part(a, b),
            counted,
            first[a:b],
            classifier.num_classes,
        )
        for d, counted, a, b in zip(directions, third, offsets, offsets[1:], strict=False)
    ]


def _lost(done: Bisected) -> Tensor:
    return done.outcome == Outcome.THIRD_CLASS


def _further(directions: Sequence[Segments]) -> Tensor:
    """Further partners of every segment, int64 ``(N, K)``, -1 where there are fewer."""
    none = [torch.full((len(d.x_source), 0), -1) for d in directions]
    tables = [fill if d.further is None else d.further for d, fill in zip(directions, none, strict=True)]
    most = max((table.shape[1] for table in tables), default=0)
    return torch.cat([F.pad(table, (0, most - table.shape[1]), value=-1) for table in tables])


def _neighbours(x_t: Tensor, x_s: Tensor, done: Bisected, direction: Tensor, count: int) -> Tensor:
    """For each segment lost to a third class, rows of the nearest s ends that reached the boundary of its direction.

    Returns:
        int64 ``(N, count)``, -1 where there are fewer.
    """
    found = torch.full((len(x_t), count), -1, dtype=torch.int64)
    for k in direction[_lost(done)].unique().tolist() if count else []:
        lost = torch.nonzero(_lost(done) & (direction == k)).flatten()
        good = torch.nonzero(done.reached & (direction == k)).flatten()
        most = min(count, len(good))
        near = torch.cdist(x_t[lost].flatten(1), x_s[good].flatten(1)).topk(most, largest=False).indices
        found[lost, :most] = good[near]
    return found


def _collected(
    d: Segments, done: Bisected, third: Counter[int], lost_first: Tensor, num_classes: int
) -> BoundaryInstances:
    lost = d.lost.copy()
    good = done.reached
    for outcome in Outcome:
        if count := int((~good & (done.outcome == outcome)).sum()):
            lost[outcome.reason] += count
    jumps = bool((done.outcome == Outcome.JUMP).any())
    return BoundaryInstances(
        source=d.task.source,
        target=d.task.target,
        x_source=d.x_source[good],
        x_adversarial=d.x_t[good],
        x_adversarial_of_adversarial=d.x_s[good],
        x_boundary=done.x[good],
        p_boundary=torch.empty(int(good.sum()), num_classes),
        steps=done.steps[good],
        requested=d.requested,
        adversarial=d.adversarial,
        adversarial_of_adversarial=len(d.x_source),
        origin=d.origin[good],
        part=d.part[good],
        third_class=third,
        third_by_part={
            k: (int((d.part == k).sum()), int(lost_first[d.part == k].sum())) for k in d.part.unique().tolist()
        },
        failures=lost,
        x_across=done.across[good] if jumps else None,
        attempt=None if d.attempt is None else d.attempt[good],
    )
