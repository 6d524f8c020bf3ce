"""Our minimal-norm attack and two of foolbox's on the same targeted task."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator

import foolbox
import numpy as np
import torch
from torch import nn

from auditor.documents.profiles import PROFILES
from auditor.functional.minimal_norm import AttackBudget, minimal_norm
from auditor.models.base import ModelOptions
from auditor.models.open import open_model
from benchmarks.speed.models import Subject

SAMPLES = 64


def rows(subject: Subject) -> Iterator[str]:
    """One row for each attack."""
    torch.set_num_threads(1)
    backend = open_model(subject.model, ModelOptions(threads=1))
    with np.load(subject.data) as saved:
        pixels, labels = torch.from_numpy(saved["x_train"]).float() / 255, torch.from_numpy(saved["y_train"])
    pixels = pixels.view(-1, 1, 28, 28)
    predicted = backend.scores(pixels).argmax(1)
    parts = [(pixels[(labels == s) & (predicted == s)][:SAMPLES], t) for s, t in ((4, 9), (9, 4))]
    x = torch.cat([part for part, _ in parts])
    target = torch.cat([torch.full((len(part),), t) for part, t in parts])
    source = 13 - target

    def ours(budget: AttackBudget) -> torch.Tensor:
        predict = lambda v: backend.scores(v).argmax(1)  # noqa: E731
        near = minimal_norm(backend.logits, predict, x, target, [], budget)["l2"]
        return torch.where(near.found.view(-1, 1, 1, 1), near.point, torch.full_like(near.point, torch.nan))

    class Logits(nn.Module):
        def forward(self, v: torch.Tensor) -> torch.Tensor:
            return backend.logits(v)

    model = foolbox.PyTorchModel(Logits().eval(), bounds=(0, 1), device="cpu")

    def theirs(attack, criterion) -> torch.Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, points, good = attack(model, x, criterion, epsilons=None)
        return torch.where(good.view(-1, 1, 1, 1), points, torch.full_like(points, torch.nan))

    targeted = foolbox.criteria.TargetedMisclassification(target)
    ddn, fool = foolbox.attacks.DDNAttack, foolbox.attacks.L2DeepFoolAttack
    runs = {
        "ours, standard": lambda: ours(AttackBudget(*PROFILES["standard"].attack)),
        "ours, thorough": lambda: ours(AttackBudget(*PROFILES["thorough"].attack)),
        "foolbox DDN, 100 steps": lambda: theirs(ddn(steps=100), targeted),
        "foolbox DDN, 30 steps": lambda: theirs(ddn(steps=30), targeted),
        "foolbox DeepFool, any other class": lambda: theirs(fool(), foolbox.criteria.Misclassification(source)),
    }
    for name, run in runs.items():
        begin = time.process_time()
        moved = (run() - x).flatten(1).norm(dim=1)
        cost = 1000 * (time.process_time() - begin) / len(x)
        good = moved.isfinite()
        yield f"| {name} | {int(good.sum())} / {len(x)} | {float(moved[good].median()):.3f} | {cost:.1f} |"
