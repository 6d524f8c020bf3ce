"""foolbox's attacks on the same sources towards the same targets, and restarts of one from samples of the target.

Brendel and Bethge's attack needs numba, which foolbox does not bring along; without it the page says that it was left
out.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

import foolbox
import torch
from torch import Tensor, nn

from auditor.functional.descent import lengths
from auditor.functional.projection import Norm
from benchmarks.attack_optimality.subjects import Subject

BRENDEL_BETHGE = find_spec("numba") is not None
RESTARTS = 2


@dataclass(frozen=True)
class Run:
    """What one attack found in one norm.

    Args:
        name: of the attack and its settings.
        points: float32 ``(N, *shape)``.
        distance: float64 ``(N,)``, infinite where the artefact does not put the point in the target class.
        seconds: of CPU.
    """

    name: str
    points: Tensor
    distance: Tensor
    seconds: float


def judged(subject: Subject, norm: Norm, name: str, points: Tensor, seconds: float) -> Run:
    """The points as the artefact sees them."""
    points = points.detach().clamp(0, 1)
    distance = lengths(points - subject.x, norm).double()
    inside = subject.classifier.predict(points) == subject.target
    return Run(name, points, torch.where(inside, distance, torch.inf), seconds)


def reference(subject: Subject, norm: Norm, steps: int) -> Iterator[Run]:
    """One run after the other.

    Args:
        steps: of FMN; each restart has a third as many, Brendel-Bethge a fifth.
    """
    l2 = norm == "l2"
    many = subject.x[0].numel() > 2
    fmn = foolbox.attacks.L2FMNAttack if l2 else foolbox.attacks.LInfFMNAttack
    bethge = foolbox.attacks.L2BrendelBethgeAttack if l2 else foolbox.attacks.LinfinityBrendelBethgeAttack
    size = 1.0 if many else 0.1  # in two dimensions a step of length one leaves the picture
    runs = list[Run]()
    if l2:
        runs.append(_run(subject, norm, "DDN, 1,000 steps", foolbox.attacks.DDNAttack(steps=1000)))
    runs.append(_run(subject, norm, f"FMN, {steps:,} steps", fmn(steps=steps, max_stepsize=size)))
    runs.append(_run(subject, norm, "FMN, 100 steps", fmn(steps=100, max_stepsize=size)))
    for k in range(RESTARTS):
        start = torch.stack([subject.starts[int(t)][k] for t in subject.target])
        again = fmn(steps=steps // 3, max_stepsize=size)
        runs.append(_run(subject, norm, f"FMN from sample {k}, {steps // 3} steps", again, start))
    yield from runs
    if BRENDEL_BETHGE and many:
        # It asks that each of its starts is of the target class, so it goes on from the nearest points by then.
        name = f"Brendel-Bethge from the nearest of these, {steps // 5} steps"
        yield _run(subject, norm, name, bethge(steps=steps // 5), _nearest(subject, norm, runs))


def _run(subject: Subject, norm: Norm, name: str, attack: foolbox.Attack, start: Tensor | None = None) -> Run:
    class Logits(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return subject.classifier.logits(x)

    model = foolbox.PyTorchModel(Logits().eval(), bounds=(0, 1), device="cpu")
    criterion = foolbox.criteria.TargetedMisclassification(subject.target)
    options = {} if start is None else {"starting_points": start}
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points = attack.run(model, subject.x, criterion, **options)
    return judged(subject, norm, name, points, time.process_time() - begin)


def _nearest(subject: Subject, norm: Norm, runs: list[Run]) -> Tensor:
    """The nearest point of the target class of several runs, a sample of it where none has one."""
    best = torch.stack([subject.starts[int(t)][0] for t in subject.target])
    distance = lengths(best - subject.x, norm).double()
    for run in runs:
        nearer = run.distance < distance
        best[nearer], distance[nearer] = run.points[nearer], run.distance[nearer]
    return best
