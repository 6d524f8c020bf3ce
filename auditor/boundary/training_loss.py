"""One step of the networks of Components I and II on the loss that ``translation`` states.

The model's part of the gradient is taken first, in batches that fit the device; then the networks' own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.boundary.adam import Adam
from auditor.boundary.autoencoder import StackedAutoencoders
from auditor.functional.gradients import gradient_of
from auditor.models.classifier import Classifier

Distance = Literal["squared_l2", "l2", "bce"]


@dataclass(frozen=True)
class Weights:
    """Of the terms that the model takes part in: alpha ``(K,)`` for each direction, gamma for all."""

    alpha: Tensor
    gamma: float


def step_all(
    classifier: Classifier,
    networks: StackedAutoencoders,
    optimiser: Adam,
    rate: float,
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
    networks.zero_grad(set_to_none=True)
    # The model's part joins on the way back; handed to torch.autograd.backward it would make torch import sympy.
    moved.register_hook(gradient.add)
    length.backward()
    optimiser.step(rate)
    return inside


def _target_gradient(
    classifier: Classifier, x: Tensor, moved: Tensor, pairs: Tensor, weights: Weights, inner: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Gradient of sum_k alpha_k * mean_b (CE + gamma * third) in y = G(x), in pieces that fit the device.

    Args:
        x, moved (float32): ``(K, B, *shape)``, starts and y.
        pairs (int64): ``(K, B, 2)``, the class to leave and the class to arrive in.
        inner (float32): ``(K, B)`` in (0, 1), where on the path third classes count as well, or None.
    Returns:
        float32 ``(K, B, *shape)`` and the share of each direction's instances that arrived, ``(K,)``.
    """
    count, size = moved.shape[:2]
    start, end, pair = x.flatten(0, 1), moved.flatten(0, 1), pairs.flatten(0, 1)
    weight = (weights.alpha / size).repeat_interleave(size)

    def part(index: Tensor) -> tuple[Tensor, Tensor]:
        rows = slice(int(index[0]), int(index[-1]) + 1)  # a view, no copy
        leaf = end[rows].detach().requires_grad_(True)
        z = classifier.logits(leaf)
        log_p = _pair_log_probabilities(z, pair[rows])
        loss = -log_p[:, 1] - weights.gamma * torch.logsumexp(log_p, dim=1)
        if inner is not None:
            way = inner.flatten()[rows].view((-1,) + (1,) * (leaf.dim() - 1))
            between = classifier.logits(torch.lerp(start[rows], leaf, way))
            loss = loss - weights.gamma * torch.logsumexp(_pair_log_probabilities(between, pair[rows]), dim=1)
        return gradient_of((loss * weight[rows]).sum(), leaf), z.argmax(dim=1) == pair[rows, 1]

    gradients, inside = zip(*classifier.batching.run(part, torch.arange(len(end))), strict=True)
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
