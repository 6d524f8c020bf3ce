"""What one direction learns serves the others: networks that carry samples of any class to one target each.

For each target t one network is trained, on the loss of ``translation``, with samples of all other classes. A direction
(s, t) goes on from the network of t and needs a fraction of the steps that it would need from the identity. It pays
where several directions share each target.

Differences from the paper: there every direction trains a network of its own from the start.
Source: arXiv 1912.11460, section 3.1 (the loss).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from auditor.boundary.adam import Adam
from auditor.boundary.autoencoder import StackedAutoencoders, stacked
from auditor.boundary.training import Training
from auditor.boundary.training_loss import Weights, step_all
from auditor.models.classifier import Classifier


@dataclass(frozen=True)
class SharedStart:
    """Trained networks, one for each target class and part.

    Args:
        networks: side by side.
        place: where each target class and part stands among them.
    """

    networks: StackedAutoencoders
    place: dict[tuple[int, int], int]

    def copy_into(self, networks: StackedAutoencoders, wanted: Sequence[tuple[int, int]]) -> None:
        """Give each of K networks the weights of its target's and part's."""
        rows = torch.tensor([self.place[key] for key in wanted])
        for mine, shared in zip(networks.parameters(), self.networks.parameters(), strict=True):
            mine.data.copy_(shared.data[rows.to(shared.device)])

    def arrays(self) -> dict[str, Tensor]:
        """Places, int64 ``(K, 2)``, and weights, for ``from_arrays``."""
        weights = {f"{number:03}": of.data for number, of in enumerate(self.networks.parameters())}
        return {"place": torch.tensor(list(self.place)), **weights}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Tensor], classifier: Classifier, training: Training) -> SharedStart:
        """The networks that another process trained."""
        place = [(int(target), int(part)) for target, part in arrays["place"]]
        rngs = [torch.Generator()] * len(place)
        networks = stacked(classifier.instance_shape, training.network, training.form, rngs, training.hidden)
        for number, mine in enumerate(networks.parameters()):
            mine.data.copy_(arrays[f"{number:03}"])
        return cls(networks.to(classifier.device), {key: row for row, key in enumerate(place)})


def train_shared_start(
    classifier: Classifier,
    samples: dict[int, Tensor],
    targets: Sequence[int],
    parts: int,
    training: Training,
    progress: Callable[[int, int], None],
    *,
    rng: torch.Generator,
) -> SharedStart:
    """Train one network for each target class and part that carries samples of all other classes there.

    Args:
        samples: by class, float32 ``(N, *shape)`` in [0, 1] that the model puts in that class; two classes or more.
        targets: classes to arrive in.
        parts: networks for each target, trained on disjoint samples with batches of their own.
        progress: called with steps done and steps planned.
        rng: draws the networks and the batches.
    """
    training = training.shared_by(parts)
    keys = [(target, part) for target in targets for part in range(parts)]
    device = classifier.device
    everything = torch.cat(list(samples.values())).to(device)
    labels = torch.cat([torch.full((len(x),), label) for label, x in samples.items()])
    leave = labels.to(device)
    networks = stacked(
        classifier.instance_shape, training.network, training.form, [rng] * len(keys), training.hidden
    ).to(device)
    optimiser = Adam(networks)
    others = [_part(torch.nonzero(labels != target).flatten(), part, parts) for target, part in keys]
    arrive_in = torch.tensor([target for target, _ in keys], device=device)[:, None].expand(-1, training.batch)
    log_alpha = torch.full((len(keys),), math.log(training.alpha), device=device)
    for step in range(training.steps):
        rows = torch.stack([rest[torch.randint(len(rest), (training.batch,), generator=rng)] for rest in others])
        rows = rows.to(device)
        x, pairs = everything[rows], torch.stack([leave[rows], arrive_in], dim=2)
        weights = Weights(log_alpha.exp(), training.gamma)
        rate = training.rate(step)
        inside = step_all(classifier, networks, optimiser, rate, x, pairs, weights, None, training.distance)
        log_alpha += training.alpha_change(inside)
        progress(step + 1, training.steps)
    return SharedStart(networks, {key: row for row, key in enumerate(keys)})


def _part(rows: Tensor, part: int, parts: int) -> Tensor:
    """Every ``parts``-th row, or all where there are fewer rows than that."""
    return rows[part::parts] if len(rows) >= parts else rows
