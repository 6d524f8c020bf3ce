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

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.boundary.autoencoder import Form, Network, StackedAutoencoders, stacked
from auditor.models.classifier import Classifier

Distance = Literal["squared_l2", "l2", "bce"]


@dataclass(frozen=True)
class Training:
    """How the networks are trained.

    Args:
        network: which architecture.
        form: how its output becomes an instance.
        distance: d, summed over pixels (``squared_l2``, ``l2``) or averaged (``bce``, the authors' code).
        alpha: weight of the target term at the start.
        gamma: weight of the term that keeps third classes small, as a share of alpha; 0 in the paper.
        adaptive: let alpha follow the share of instances that arrive, and draw those that are missing more often.
        arrive: share that should arrive clear of third classes; below it training has more patience.
        steps: most optimiser steps.
        batch: instances of one direction in one step.
        learning_rate: peak of Adam's rate.
        decay: ``cosine`` rises over the first tenth and falls to zero; ``paper`` multiplies by 0.95 every
            1,000 steps.
        check_every: steps between two looks at all instances.
        patience: looks without improvement after which a direction is done.
    """

    network: Network = "auto"
    form: Form = "residual"
    distance: Distance = "squared_l2"
    alpha: float = 5.0
    gamma: float = 10.0
    adaptive: bool = True
    arrive: float = 0.995
    steps: int = 160
    batch: int = 24
    learning_rate: float = 5e-3
    decay: Literal["cosine", "paper"] = "cosine"
    check_every: int = 20
    patience: int = 2

    def rate(self, step: int) -> float:
        """Learning rate at a step."""
        if self.decay == "paper":
            return float(self.learning_rate * 0.95 ** (step // 1000))
        warm = max(1, self.steps // 10)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))


INTRUSION = 0.25
"""An arrival that gives any third class more than this is kept only while there is none that gives it less."""


@dataclass
class Arrivals:
    """The best arrival of each instance of one direction so far: the nearest of those clear of third classes.

    Args:
        x: ``(N, *shape)``; the start where nothing has arrived.
        distance: ``(N,)``, infinity where nothing has arrived.
        clear: bool ``(N,)``, whether the arrival gives no third class more than ``INTRUSION`` and none was met on
            the way; the bisection of one that is not is likely to end in that class.
    """

    x: Tensor
    distance: Tensor
    clear: Tensor
    idle: int = 0

    @classmethod
    def none(cls, start: Tensor) -> Arrivals:
        """Nothing has arrived yet."""
        return cls(start.clone(), torch.full((len(start),), math.inf), torch.zeros(len(start), dtype=torch.bool))

    @property
    def arrived(self) -> Tensor:
        """Bool ``(N,)``."""
        return torch.isfinite(self.distance)

    def offer(self, start: Tensor, moved: Tensor, p: Tensor, crossing: tuple[int, int], path: Tensor) -> None:
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
        self.x = torch.where(better.view((-1,) + (1,) * (self.x.dim() - 1)), moved, self.x)
        share, length = self._progress()
        improved = share > before[0] + 1e-9 or length < 0.98 * before[1]
        self.idle = 0 if improved else self.idle + 1

    def _progress(self) -> tuple[float, float]:
        kept = self.distance[self.arrived & self.clear]
        return len(kept) / max(1, len(self.distance)), float(kept.median()) if len(kept) else math.inf


def translate(
    classifier: Classifier,
    starts: Sequence[Tensor],
    crossings: Sequence[tuple[int, int]],
    rngs: Sequence[torch.Generator],
    training: Training,
    progress: Callable[[int, int], None],
    *,
    guard_path: bool = False,
) -> list[Arrivals]:
    """Train one network for each direction and carry its instances over.

    Args:
        starts: float32 ``(N_k, *shape)`` in [0, 1] for each of K directions; N_k may be 0.
        crossings: class to leave and class to arrive in, for each direction.
        rngs: generator of each direction; draws its network and its batches.
        progress: called with steps done and steps planned.
        guard_path: keep third classes away from the segment between start and arrival too.
    Returns:
        for each direction the nearest arrivals, by the artefact's own predictions.
    """
    device = classifier.device
    found = [Arrivals.none(x) for x in starts]
    active = [k for k, x in enumerate(starts) if len(x)]
    if not active:
        return found
    drawn = [rngs[k] for k in active]
    networks = stacked(classifier.instance_shape, training.network, training.form, drawn).to(device)
    optimiser = torch.optim.Adam(networks.parameters(), lr=training.learning_rate)
    log_alpha = torch.full((len(starts),), math.log(training.alpha))
    for step in range(training.steps):
        for group in optimiser.param_groups:
            group["lr"] = training.rate(step)
        batch = torch.stack([_draw(starts[k], found[k], training, rngs[k]) for k in active]).to(device)
        pairs = torch.tensor([crossings[k] for k in active], device=device)
        weights = Weights(log_alpha[active].exp().to(device), training.gamma)
        inner = _inner(training.batch, [rngs[k] for k in active]).to(device) if guard_path and training.gamma else None
        inside = _step(classifier, networks, optimiser, batch, pairs, weights, inner, training.distance)
        if training.adaptive:
            log_alpha[active] += 0.5 * (training.arrive - 0.005 - inside.cpu()).clamp(-0.01, 0.2)
        if (step + 1) % training.check_every == 0 or step + 1 == training.steps:
            _look(classifier, networks, active, starts, crossings, found, guard_path)
            going = [i for i, k in enumerate(active) if not _done(found[k], training)]
            progress(step + 1, training.steps)
            if not going:
                break
            if len(going) < len(active):
                networks, optimiser = _kept(networks, optimiser, going)
                active = [active[i] for i in going]
    progress(training.steps, training.steps)
    return found


def _done(arrivals: Arrivals, training: Training) -> bool:
    enough = float((arrivals.arrived & arrivals.clear).float().mean()) >= training.arrive
    return arrivals.idle >= training.patience and (enough or arrivals.idle >= 3 * training.patience)


def _draw(x: Tensor, arrivals: Arrivals, training: Training, rng: torch.Generator) -> Tensor:
    """A batch drawn with replacement; once few instances are missing, a quarter of it is drawn from these."""
    rows = torch.randint(len(x), (training.batch,), generator=rng)
    missing = torch.nonzero(~(arrivals.arrived & arrivals.clear)).flatten()
    if training.adaptive and 0 < len(missing) <= len(x) // 2:
        some = torch.randint(len(missing), (training.batch // 4,), generator=rng)
        rows[: len(some)] = missing[some]
    return x[rows]


def _inner(size: int, rngs: Sequence[torch.Generator]) -> Tensor:
    """Where on each path a point is looked at: ``(K, B)``, uniform between a fifth and four fifths of the way."""
    return torch.stack([0.2 + 0.6 * torch.rand(size, generator=rng) for rng in rngs])


@dataclass(frozen=True)
class Weights:
    """Of the terms that the model takes part in: alpha ``(K,)`` for each direction, gamma for all."""

    alpha: Tensor
    gamma: float


def _step(
    classifier: Classifier,
    networks: StackedAutoencoders,
    optimiser: torch.optim.Optimizer,
    x: Tensor,
    pairs: Tensor,
    weights: Weights,
    inner: Tensor | None,
    distance: Distance,
) -> Tensor:
    """One optimiser step of every network on ``(K, B, *shape)``; returns the share that arrived, ``(K,)``."""
    moved = networks(x)
    gradient, inside = _target_gradient(classifier, x, moved.detach(), pairs, weights, inner)
    length = _distance(moved, x, distance).mean(dim=1).sum()
    optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward([length, moved], [torch.ones_like(length), gradient])
    optimiser.step()
    return inside


def _target_gradient(
    classifier: Classifier, x: Tensor, moved: Tensor, pairs: Tensor, weights: Weights, inner: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Gradient of sum_k alpha_k * mean_b (CE + gamma * third) in y = G(x), in pieces that fit the device.

    Args:
        x, moved (float32): ``(K, B, *shape)``, starts and y.
        pairs (int64): ``(K, 2)``, the class to leave and the class to arrive in.
        inner (float32): ``(K, B)`` in (0, 1), where on the path third classes count as well, or None.
    Returns:
        float32 ``(K, B, *shape)`` and the share of each direction's instances that arrived, ``(K,)``.
    """
    count, size = moved.shape[:2]
    start, end, pair = x.flatten(0, 1), moved.flatten(0, 1), pairs.repeat_interleave(size, dim=0)
    weight = (weights.alpha / size).repeat_interleave(size)
    gradients, inside = [], []
    for rows in torch.arange(len(end), device=end.device).split(classifier.batch_size):
        leaf = end[rows].requires_grad_(True)
        z = classifier.logits(leaf)
        log_p = _pair_log_probabilities(z, pair[rows])
        loss = -log_p[:, 1] - weights.gamma * torch.logsumexp(log_p, dim=1)
        if inner is not None:
            way = inner.flatten()[rows].view((-1,) + (1,) * (leaf.dim() - 1))
            between = classifier.logits(torch.lerp(start[rows], leaf, way))
            loss = loss - weights.gamma * torch.logsumexp(_pair_log_probabilities(between, pair[rows]), dim=1)
        gradients.append(torch.autograd.grad((loss * weight[rows]).sum(), leaf)[0])
        inside.append(z.argmax(dim=1) == pair[rows, 1])
    return torch.cat(gradients).view_as(moved), torch.cat(inside).view(count, size).float().mean(dim=1)


def _pair_log_probabilities(z: Tensor, pair: Tensor) -> Tensor:
    """log p of the two classes of each row: ``(N, 2)``."""
    return F.log_softmax(z, dim=1).gather(1, pair)


def _distance(moved: Tensor, x: Tensor, kind: Distance) -> Tensor:
    """d(x, G(x)) for each instance: ``(K, B)``."""
    difference = (moved - x).flatten(2)
    if kind == "bce":
        return F.binary_cross_entropy(moved.flatten(2).clamp(1e-6, 1 - 1e-6), x.flatten(2), reduction="none").mean(
            dim=2
        )
    squared = difference.square().sum(dim=2)
    return squared if kind == "squared_l2" else (squared + 1e-12).sqrt()


@torch.no_grad()
def _look(
    classifier: Classifier,
    networks: StackedAutoencoders,
    active: Sequence[int],
    starts: Sequence[Tensor],
    crossings: Sequence[tuple[int, int]],
    found: Sequence[Arrivals],
    guard_path: bool,
) -> None:
    """Carry all instances of the active directions and keep the arrivals that the artefact confirms."""
    longest = max(len(starts[k]) for k in active)
    filled = torch.stack([starts[k][torch.arange(longest) % len(starts[k])] for k in active])
    moved = networks(filled.to(classifier.device)).cpu()
    sizes = [len(starts[k]) for k in active]
    parts = [moved[i, :size] for i, size in enumerate(sizes)]
    start, end = torch.cat([starts[k] for k in active]), torch.cat(parts)
    pairs = torch.tensor([crossings[k] for k in active]).repeat_interleave(torch.tensor(sizes), dim=0)
    p = classifier.probabilities(end)
    path = (
        _free_of_third_classes(classifier, start, end, pairs) if guard_path else torch.ones(len(end), dtype=torch.bool)
    )
    for k, part, there, way in zip(active, parts, p.split(sizes), path.split(sizes), strict=True):
        found[k].offer(starts[k], part, there, crossings[k], way)


def _free_of_third_classes(classifier: Classifier, start: Tensor, end: Tensor, pairs: Tensor) -> Tensor:
    """Whether one of the pair's classes leads at a quarter, half and three quarters of the way: bool ``(N,)``."""
    leaders = torch.stack([classifier.predict(torch.lerp(start, end, share)) for share in (0.25, 0.5, 0.75)], dim=1)
    return (leaders[:, :, None] == pairs[:, None, :]).any(dim=2).all(dim=1)


def _kept(
    networks: StackedAutoencoders, optimiser: torch.optim.Adam, going: Sequence[int]
) -> tuple[StackedAutoencoders, torch.optim.Adam]:
    """Networks and optimiser of the directions that go on, with their moments."""
    rows = torch.tensor(list(going), device=next(networks.parameters()).device)
    moments = []
    for parameter in networks.parameters():
        state = optimiser.state[parameter]
        moments.append({name: value[rows] if value.dim() else value for name, value in state.items()})
        parameter.data = parameter.data[rows]
        parameter.grad = None
    fresh = torch.optim.Adam(networks.parameters(), lr=optimiser.param_groups[0]["lr"])
    for parameter, state in zip(networks.parameters(), moments, strict=True):
        fresh.state[parameter] = state
    return networks, fresh
