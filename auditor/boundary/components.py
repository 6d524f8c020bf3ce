"""Components I and II of DeepDIG: train networks that carry instances just over to another class.

For each direction, minimise over its own network G

    d(x, G(x)) + alpha * (CE(f(G(x)), t) + gamma * -log(p_s + p_t))

with p = softmax(f(G(x))). All directions take each step together. Alpha is not fixed: where fewer instances arrive
than wanted it grows, where all arrive it shrinks, so that instances end just beyond the boundary at any scale
of logits and pixels. The best arrival of each instance over all looks is kept.

Differences from the authors' code: cross-entropy on the logits (theirs was binary cross-entropy on the softmax,
which starves the target term until every instance is the same image). The term in gamma keeps instances away from
third classes, which would end their bisection; in Component II it is also taken at a random point between x'
and H(x'), because the segment between the two is what gets bisected. Training ends when neither the share that
arrives nor its distance improves. Source: arXiv 1912.11460, sections 3.1 and 3.2.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from auditor.boundary.adam import Adam
from auditor.boundary.autoencoder import StackedAutoencoders, stacked
from auditor.boundary.best_so_far import BestSoFar
from auditor.boundary.shared_start import SharedStart
from auditor.boundary.training import Training
from auditor.boundary.training_loss import Weights, step_all
from auditor.models.classifier import Classifier


def translate(
    classifier: Classifier,
    starts: Sequence[Tensor],
    crossings: Sequence[tuple[int, int]],
    rngs: Sequence[torch.Generator],
    training: Training,
    progress: Callable[[int, int], None],
    *,
    guard_path: bool = False,
    start: SharedStart | None = None,
    parts: Sequence[int] | None = None,
) -> list[BestSoFar]:
    """Train one network for each direction and carry its instances over.

    Args:
        starts: float32 ``(N_k, *shape)`` in [0, 1] for each of K directions; N_k may be 0.
        crossings: class to leave and class to arrive in, for each direction.
        rngs: generator of each direction; draws its network and its batches.
        progress: called with steps done and steps planned.
        guard_path: keep third classes away from the segment between start and arrival too.
        start: networks to go on from; without them each direction starts at the identity.
        parts: which of the start's networks for its target each direction goes on from; None takes the first.
    Returns:
        for each direction the nearest arrivals, by the artefact's own predictions.
    """
    device = classifier.device
    found = [BestSoFar.none(x) for x in starts]
    active = [k for k, x in enumerate(starts) if len(x)]
    if not active:
        return found
    held = _Held.of(starts, crossings, device)
    drawn = [rngs[k] for k in active]
    networks = stacked(classifier.instance_shape, training.network, training.form, drawn, training.hidden).to(device)
    if start is not None:
        start.copy_into(networks, [(crossings[k][1], parts[k] if parts else 0) for k in active])
    optimiser = Adam(networks)
    log_alpha = torch.full((len(active),), math.log(training.alpha), device=device)
    pairs = held.pairs(active)[:, None].expand(-1, training.batch, -1)
    for step in range(training.steps):
        batch = held.rows(active, [_draw(found[k], training, rngs[k]) for k in active])
        weights = Weights(log_alpha.exp(), training.gamma)
        inner = _inner(training.batch, [rngs[k] for k in active]).to(device) if guard_path and training.gamma else None
        rate = training.rate(step)
        inside = step_all(classifier, networks, optimiser, rate, batch, pairs, weights, inner, training.distance)
        if training.adaptive:
            log_alpha += training.alpha_change(inside)
        if (step + 1) % training.check_every == 0 or step + 1 == training.steps:
            _look(classifier, networks, active, held, starts, crossings, found, guard_path)
            going = [i for i, k in enumerate(active) if not _done(found[k], training)]
            progress(step + 1, training.steps)
            if not going:
                break
            if len(going) < len(active):
                kept = torch.tensor(going, device=device)
                optimiser.keep(kept)
                active, log_alpha, pairs = [active[i] for i in going], log_alpha[kept], pairs[kept]
    progress(training.steps, training.steps)
    return found


def _done(arrivals: BestSoFar, training: Training) -> bool:
    enough = float((arrivals.arrived & arrivals.clear).float().mean()) >= training.arrive
    return arrivals.idle >= training.patience and (enough or arrivals.idle >= 3 * training.patience)


@dataclass(frozen=True)
class _Held:
    """The starts of all directions, on the device, so that a batch crosses to it as numbers of rows.

    Args:
        x: float32 ``(N, *shape)``, one direction after the other.
        first: where each direction begins.
        crossings: int64 ``(K, 2)``.
    """

    x: Tensor
    first: list[int]
    crossings: Tensor

    @classmethod
    def of(cls, starts: Sequence[Tensor], crossings: Sequence[tuple[int, int]], device: torch.device) -> _Held:
        """Put them there."""
        first = itertools.accumulate((len(x) for x in starts[:-1]), initial=0)
        return cls(torch.cat(list(starts)).to(device), list(first), torch.tensor(crossings, device=device))

    def rows(self, active: Sequence[int], rows: Sequence[Tensor]) -> Tensor:
        """As many of the instances of each direction: float32 ``(len(active), B, *shape)``."""
        places = torch.stack([self.first[k] + own for k, own in zip(active, rows, strict=True)])
        return self.x[places.to(self.x.device)]

    def pairs(self, active: Sequence[int]) -> Tensor:
        """Class to leave and class to arrive in: int64 ``(len(active), 2)``."""
        return self.crossings[torch.tensor(active, device=self.x.device)]


def _draw(arrivals: BestSoFar, training: Training, rng: torch.Generator) -> Tensor:
    """Rows of a batch with replacement; once few instances are missing, a quarter of them is drawn from these."""
    count, missing = len(arrivals.x), arrivals.missing
    rows = torch.randint(count, (training.batch,), generator=rng)
    if training.adaptive and 0 < len(missing) <= count // 2:
        some = torch.randint(len(missing), (training.batch // 4,), generator=rng)
        rows[: len(some)] = missing[some]
    return rows


def _inner(size: int, rngs: Sequence[torch.Generator]) -> Tensor:
    """Where on each path a point is looked at: ``(K, B)``, uniform between a fifth and four fifths of the way."""
    return torch.stack([0.2 + 0.6 * torch.rand(size, generator=rng) for rng in rngs])


@torch.no_grad()
def _look(
    classifier: Classifier,
    networks: StackedAutoencoders,
    active: Sequence[int],
    held: _Held,
    starts: Sequence[Tensor],
    crossings: Sequence[tuple[int, int]],
    found: Sequence[BestSoFar],
    guard_path: bool,
) -> None:
    """Carry all instances of the active directions and keep the arrivals that the artefact confirms."""
    sizes = [len(starts[k]) for k in active]
    # Every network gets as many: the first ones of its direction once more after the last.
    filled = held.rows(active, [torch.arange(max(sizes)) % size for size in sizes])
    end = torch.cat([moved[:size] for moved, size in zip(networks(filled), sizes, strict=True)])
    p, path = classifier.probabilities(end).cpu(), torch.ones(len(end), dtype=torch.bool)
    if guard_path:
        start = torch.cat([x[:size] for x, size in zip(filled, sizes, strict=True)])
        pairs = torch.cat([pair.expand(size, 2) for pair, size in zip(held.pairs(active), sizes, strict=True)])
        path = _free_of_third_classes(classifier, start, end, pairs).cpu()
    parts = (of.split(sizes) for of in (end.cpu(), p, path))
    for k, part, there, way in zip(active, *parts, strict=True):
        found[k].update(starts[k], part, there, crossings[k], way)


def _free_of_third_classes(classifier: Classifier, start: Tensor, end: Tensor, pairs: Tensor) -> Tensor:
    """Whether one of the pair's classes leads at a quarter, half and three quarters of the way: bool ``(N,)``."""
    leaders = torch.stack([classifier.predict(torch.lerp(start, end, share)) for share in (0.25, 0.5, 0.75)], dim=1)
    return (leaders[:, :, None] == pairs[:, None, :]).any(dim=2).all(dim=1)
