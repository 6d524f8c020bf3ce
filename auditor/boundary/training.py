"""How the networks of Components I and II are trained: the settings, and the learning rate over the steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

from auditor.boundary.autoencoder import Form, Network
from auditor.boundary.training_loss import Distance


@dataclass(frozen=True)
class Training:
    """How the networks are trained.

    Args:
        network: which architecture.
        hidden: widths of a perceptron's hidden layers.
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
    hidden: tuple[int, ...] = (256, 64)
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

    def shared_by(self, parts: int) -> Training:
        """The same number of instances in a step, divided among so many networks."""
        return replace(self, batch=max(1, self.batch // parts))

    def rate(self, step: int) -> float:
        """Learning rate at a step."""
        if self.decay == "paper":
            return float(self.learning_rate * 0.95 ** (step // 1000))
        warm = max(1, self.steps // 10)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))

    def alpha_change(self, inside: Tensor) -> Tensor:
        """What is added to log alpha: it grows while too few instances arrive and shrinks slowly once all do.

        Args:
            inside: float32 ``(K,)``, share of each direction's batch that arrived.
        """
        return 0.5 * (self.arrive - 0.005 - inside).clamp(-0.01, 0.2)
