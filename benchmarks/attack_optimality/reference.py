"""The best known margin of each source: the least over foolbox's attacks, restarts and our own longer runs.

Brendel and Bethge's attack needs numba, which foolbox does not bring along; without it the page says that it was left
out.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import foolbox
import torch
from torch import Tensor, nn

from auditor.functional.descent import lengths
from auditor.functional.projection import Norm
from benchmarks.attack_optimality.subjects import Subject

BRENDEL_BETHGE = find_spec("numba") is not None
RESTARTS = 3


@dataclass(frozen=True)
class Run:
    """What one attack found.

    Args:
        name: of the attack and its settings.
        distance: float64 ``(N,)``, infinite where the artefact does not put the point in the target class.
        seconds: of CPU.
    """

    name: str
    distance: Tensor
    seconds: float


def measured(subject: Subject, norm: Norm, name: str, attack: Callable[[], Tensor]) -> tuple[Run, Tensor]:
    """The distances of an attack's points, judged by the artefact itself, and the points."""
    begin = time.process_time()
    points = attack().detach().clamp(0, 1)
    seconds = time.process_time() - begin
    distance = lengths(points - subject.x, norm).double()
    return Run(name, torch.where(subject.predict(points) == subject.target, distance, torch.inf), seconds), points


def reference(subject: Subject, norm: Norm, steps: int) -> list[Run]:
    """foolbox's attacks with ``steps`` steps.

    Args:
        steps: of DDN and FMN; restarts have as many among them, Brendel-Bethge a fifth.
    """

    class Logits(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return subject.logits(x)

    model = foolbox.PyTorchModel(Logits().eval(), bounds=(0, 1), device="cpu")
    criterion = foolbox.criteria.TargetedMisclassification(subject.target)

    def found(attack: foolbox.Attack, **options: Tensor) -> Callable[[], Tensor]:
        def run() -> Tensor:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return attack.run(model, subject.x, criterion, **options)

        return run

    fmn, bethge = (
        (foolbox.attacks.L2FMNAttack, foolbox.attacks.L2BrendelBethgeAttack)
        if norm == "l2"
        else (foolbox.attacks.LInfFMNAttack, foolbox.attacks.LinfinityBrendelBethgeAttack)
    )
    runs = list[tuple[Run, Tensor]]()
    if norm == "l2":
        runs.append(measured(subject, norm, f"DDN, {steps} steps", found(foolbox.attacks.DDNAttack(steps=steps))))
    # In two dimensions a step of length one leaves the picture.
    size = 1.0 if subject.x[0].numel() > 2 else 0.1
    runs.append(measured(subject, norm, f"FMN, {steps} steps", found(fmn(steps=steps, max_stepsize=size))))
    for k in range(RESTARTS):
        start = torch.stack([subject.starts[int(t)][k] for t in subject.target])
        again = fmn(steps=steps // RESTARTS, max_stepsize=size)
        runs.append(measured(subject, norm, f"FMN from sample {k}", found(again, starting_points=start)))
    if BRENDEL_BETHGE and subject.x[0].numel() > 2:
        points = nearest(subject, norm, runs)
        # Only from points of the target class, and it asks that every one is.
        name, attack = f"Brendel-Bethge, {steps // 5} steps", bethge(steps=steps // 5)
        runs.append(measured(subject, norm, name, found(attack, starting_points=points)))
    return [run for run, _ in runs]


def nearest(subject: Subject, norm: Norm, runs: list[tuple[Run, Tensor]]) -> Tensor:
    """The nearest point of the target class of several attacks, a sample of it where none has one."""
    best = torch.stack([subject.starts[int(t)][0] for t in subject.target])
    distance = lengths(best - subject.x, norm).double()
    for run, points in runs:
        nearer = run.distance < distance
        best[nearer], distance[nearer] = points[nearer], run.distance[nearer]
    return best
