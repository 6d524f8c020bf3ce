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

import torch
from torch import Tensor

from auditor.boundary.adam import Adam
from auditor.boundary.arrivals import Arrivals
from auditor.boundary.autoencoder import StackedAutoencoders, stacked
from auditor.boundary.objective import Weights, step_all
from auditor.boundary.shared_start import SharedStart
from auditor.boundary.training import Training
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
) -> list[Arrivals]:
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
    found = [Arrivals.none(x) for x in starts]
    active = [k for k, x in enumerate(starts) if len(x)]
    if not active:
        return found
    drawn = [rngs[k] for k in active]
    networks = stacked(classifier.instance_shape, training.network, training.form, drawn, training.hidden).to(device)
    if start is not None:
        start.copy_into(networks, [(crossings[k][1], parts[k] if parts else 0) for k in active])
    optimiser = Adam(networks)
    log_alpha = torch.full((len(starts),), math.log(training.alpha))
    for step in range(training.steps):
        batch = torch.stack([_draw(starts[k], found[k], training, rngs[k]) for k in active]).to(device)
        pairs = torch.tensor([crossings[k] for k in active], device=device)[:, None].expand(-1, training.batch, -1)
        weights = Weights(log_alpha[active].exp().to(device), training.gamma)
        inner = _inner(training.batch, [rngs[k] for k in active]).to(device) if guard_path and training.gamma else None
        rate = training.rate(step)
        inside = step_all(classifier, networks, optimiser, rate, batch, pairs, weights, inner, training.distance)
        if training.adaptive:
            log_alpha[active] += training.alpha_change(inside.cpu())
        if (step + 1) % training.check_every == 0 or step + 1 == training.steps:
            _look(classifier, networks, active, starts, crossings, found, guard_path)
            going = [i for i, k in enumerate(active) if not _done(found[k], training)]
            progress(step + 1, training.steps)
            if not going:
                break
            if len(going) < len(active):
                optimiser.keep(torch.tensor(going, device=device))
                active = [active[i] for i in going]
    progress(training.steps, training.steps)
    return found


def _done(arrivals: Arrivals, training: Training) -> bool:
    enough = float((arrivals.arrived & arrivals.clear).float().mean()) >= training.arrive
    return arrivals.idle >= training.patience and (enough or arrivals.idle >= 3 * training.patience)


def _draw(x: Tensor, arrivals: Arrivals, training: Training, rng: torch.Generator) -> Tensor:
    """A batch drawn with replacement; once few instances are missing, a quarter of it is drawn from these."""
    rows = torch.randint(len(x), (training.batch,), generator=rng)
    missing = arrivals.missing
    if training.adaptive and 0 < len(missing) <= len(x) // 2:
        some = torch.randint(len(missing), (training.batch // 4,), generator=rng)
        rows[: len(some)] = missing[some]
    return x[rows]


def _inner(size: int, rngs: Sequence[torch.Generator]) -> Tensor:
    """Where on each path a point is looked at: ``(K, B)``, uniform between a fifth and four fifths of the way."""
    return torch.stack([0.2 + 0.6 * torch.rand(size, generator=rng) for rng in rngs])


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
    filled = torch.stack([_filled(starts[k], longest) for k in active])
    moved = networks(filled.to(classifier.device)).cpu()
    sizes = [len(starts[k]) for k in active]
    parts = [moved[i, :size] for i, size in enumerate(sizes)]
    end = torch.cat(parts)
    p = classifier.probabilities(end)
    path = torch.ones(len(end), dtype=torch.bool)
    if guard_path:
        pairs = torch.tensor([crossings[k] for k in active]).repeat_interleave(torch.tensor(sizes), dim=0)
        path = _free_of_third_classes(classifier, torch.cat([starts[k] for k in active]), end, pairs)
    for k, part, there, way in zip(active, parts, p.split(sizes), path.split(sizes), strict=True):
        found[k].offer(starts[k], part, there, crossings[k], way)


def _filled(x: Tensor, count: int) -> Tensor:
    """``count`` instances, the first ones once more after the last."""
    return x if len(x) == count else x[torch.arange(count) % len(x)]


def _free_of_third_classes(classifier: Classifier, start: Tensor, end: Tensor, pairs: Tensor) -> Tensor:
    """Whether one of the pair's classes leads at a quarter, half and three quarters of the way: bool ``(N,)``."""
    leaders = torch.stack([classifier.predict(torch.lerp(start, end, share)) for share in (0.25, 0.5, 0.75)], dim=1)
    return (leaders[:, :, None] == pairs[:, None, :]).any(dim=2).all(dim=1)
