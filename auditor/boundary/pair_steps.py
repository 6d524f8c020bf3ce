"""Pair steps: DeepDIG without networks; from each source a few linear steps there, and the last of them bisected.

1. From the source steps along the model's linearisation until the target class leads and the source's own is second
   (``auditor.functional.pair_steps``), so that the boundary just crossed is that of the two.
2. The segment between the last point of the way that the model puts in the source's class and the one in the target's
   is bisected.
3. A source whose way does not arrive, or whose bisection meets a third class, is joined with its nearest samples of
   the target instead, as ``nearest`` does.

It costs about three linearisations a source, where DeepDIG trains networks for tens of steps of batches. Nothing is
drawn: an instance depends on its source and the model, so that there is no training for intervals to allow for.
Measured against DeepDIG: ``benchmarks/large_networks.md``.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.boundary.base import (
    BETA,
    BISECTIONS,
    BoundaryInstances,
    DirectionTask,
    Generator,
    Progress,
    generator,
)
from auditor.boundary.gradient_free import NO_TARGET, at_once
from auditor.boundary.nearest import nearest_of_target
from auditor.boundary.segments import TO_SAMPLE, Segments, between
from auditor.documents.results import Cost, GeneratorDefinition
from auditor.functional.pair_steps import linearised, pair_step
from auditor.models.classifier import Classifier

LINEARISATIONS = 3
"""Of each source, about."""


_SMALLEST = 1e-30  # of a probability whose logarithm is taken


@generator("pair-steps")
@dataclass(frozen=True)
class PairSteps(Generator):
    """Pair steps.

    Args:
        steps: most of each source.
        neighbours: nearest samples of t that are tried where the steps do not lead there.
        beta: largest |p_s - p_t| of a boundary instance.
        max_steps: cap on bisection steps.
    """

    steps: int = 20
    neighbours: int = 3
    beta: float = BETA
    max_steps: int = 60

    definition = GeneratorDefinition(
        title="pair steps",
        summary="a few steps along the model's linearisation to where the two classes lead; trains nothing",
        text="From each training sample a few steps follow the model's gradients, each the smallest one after which, "
        "by a linear model, the other class leads and the sample's own class is second. The segment between the last "
        "point in the sample's class and the first in the other is then narrowed until it meets the boundary. Where "
        "the steps do not arrive, the sample is joined with the nearest samples of the other class instead.\n\n"
        "Nothing is trained and nothing is drawn at random, so this costs little where the model is large. The "
        "instances lie on the boundary exactly, as those of DeepDIG do, and mostly nearer to where they started: each "
        "sample goes its own shortest way, where a network of DeepDIG moves all samples in ways that it learned. "
        "Distances from these instances can be compared with those of this generator only.",
    )
    needs_gradient = True

    def cost(self, directions: int, sources: int) -> Cost:
        """That of the linearisations, each with a look at where it led, of the bisections, and of a last look."""
        each = directions * sources
        return Cost(forward=each * (2 * LINEARISATIONS + BISECTIONS // 2 + 1), backward=each * 2 * LINEARISATIONS)

    def _run(
        self, classifier: Classifier, tasks: Sequence[DirectionTask], progress: Progress
    ) -> list[BoundaryInstances]:
        found: list[BoundaryInstances] = []
        while len(found) < len(tasks):
            some = tasks[len(found) : len(found) + at_once([task.x_source.numel() for task in tasks[len(found) :]])]
            segments = self._segments(classifier, some)
            found += between(classifier, segments, beta=self.beta, max_steps=self.max_steps)
            progress(self.definition.title, len(found), len(tasks))
        return found

    def _segments(self, classifier: Classifier, tasks: Sequence[DirectionTask]) -> list[Segments]:
        """The last step of each way, or the segment to the nearest sample where it did not arrive."""
        sizes = [len(task.x_source) for task in tasks]
        near = [nearest_of_target(task, self.neighbours) for task in tasks]
        reach = torch.cat([_lengths(task, rows) for task, rows in zip(tasks, near, strict=True)])
        classes = torch.tensor([(task.source, task.target) for task in tasks]).repeat_interleave(
            torch.tensor(sizes), dim=0
        )
        ways = _walked(classifier, torch.cat([task.x_source for task in tasks]), classes, reach, self.steps)
        ends = itertools.accumulate(sizes)
        return [
            _joined(task, rows, ways.of(slice(end - size, end)))
            for task, rows, size, end in zip(tasks, near, sizes, ends, strict=True)
        ]


@dataclass(frozen=True)
class _Ways:
    """Where the ways from N sources led.

    Args:
        behind, point: float32 ``(N, *shape)``, the last point in class s, and the last point.
        known: float32 ``(N, 2)``, log p_s - log p_t at each; infinite at the source, where it was not asked for.
        arrived: bool ``(N,)``, whether the last point is in t with s second.
    """

    behind: Tensor
    point: Tensor
    known: Tensor
    arrived: Tensor

    def of(self, rows: slice) -> _Ways:
        """Those of one direction, on the host."""
        return _Ways(*(part[rows].cpu() for part in (self.behind, self.point, self.known, self.arrived)))


def _walked(classifier: Classifier, x: Tensor, classes: Tensor, reach: Tensor, steps: int) -> _Ways:
    """Walk from every source; all that have not arrived take each step together."""
    device = classifier.device
    x, classes, reach = x.to(device), classes.to(device), reach.to(device)
    ways = _Ways(x.clone(), x.clone(), x.new_full((len(x), 2), torch.inf), x.new_zeros(len(x), dtype=torch.bool))

    def part(rows: Tensor) -> Tensor:
        at = linearised(classifier.logits, ways.point[rows], *classes[rows].unbind(1))
        if classifier.num_classes > 2:
            classifier.spent.backward += len(rows)  # b's own way back through the same forward pass
        return pair_step(ways.point[rows], at, reach[rows])

    for _ in range(steps):
        going = torch.nonzero(~ways.arrived).flatten()
        if not len(going):
            break
        there = torch.cat(classifier.batching.run(part, going))
        p, pair = classifier.probabilities(there), classes[going]
        leaders, (log_s, log_t) = p.topk(2, dim=1).indices, p.gather(1, pair).clamp_min(_SMALLEST).log().unbind(1)
        in_s = leaders[:, 0] == pair[:, 0]
        ways.point[going], ways.behind[going[in_s]] = there, there[in_s]
        ways.known[going, torch.where(in_s, 0, 1)] = log_s - log_t
        ways.arrived[going] = (leaders == pair.flip(1)).all(dim=1)
    return ways


def _lengths(task: DirectionTask, near: Tensor) -> Tensor:
    """Distance of each source to its nearest sample of t: float32 ``(N,)``; infinite without one."""
    if not near.shape[1]:
        return torch.full((len(task.x_source),), torch.inf)
    return torch.linalg.vector_norm((task.x_target[near[:, 0]] - task.x_source).flatten(1), dim=1)


def _joined(task: DirectionTask, near: Tensor, ways: _Ways) -> Segments:
    """The segments of one direction; without samples of t those of the ways that arrived."""
    count, neighbours = near.shape
    rows = torch.nonzero(ways.arrived | bool(neighbours)).flatten()
    arrived, x_s, x_t, further = ways.arrived[rows], ways.behind[rows], ways.point[rows], near[rows]
    if neighbours:
        to_sample = torch.nonzero(~arrived).flatten()
        x_s[to_sample], x_t[to_sample] = task.x_source[rows[to_sample]], task.x_target[further[to_sample, 0]]
        further[to_sample] = F.pad(further[to_sample, 1:], (0, 1), value=-1)
    return Segments(
        task,
        task.x_source[rows],
        x_t,
        x_s,
        origin=rows,
        part=torch.zeros(len(rows), dtype=torch.int64),
        requested=count,
        adversarial=len(rows),
        lost=Counter({NO_TARGET: count - len(rows)} if len(rows) < count else {}),
        attempt=torch.where(arrived, 0, TO_SAMPLE),
        further=further,
        known=torch.where(arrived[:, None], ways.known[rows], torch.inf),
    )
