"""What a generator hands back, held against its tasks: shapes, types, rows and counts that the rest relies on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from auditor.boundary.base import ATTEMPTS, BoundaryInstances, DirectionTask

POINTS = ("x_source", "x_adversarial", "x_adversarial_of_adversarial", "x_boundary", "x_across")
ROWS = {"steps": 10**6, "origin": None, "part": None, "attempt": len(ATTEMPTS)}
"""Whole numbers of each instance, and below what they are."""
OPTIONAL = ("x_across", "attempt")


def check_answers(tasks: Sequence[DirectionTask], made: object, classes: int) -> None:
    """Refuse instances that do not answer the tasks.

    Args:
        classes: of the model.
    Raises:
        ValueError: says of which direction, what was expected and what was found.
    """
    if not isinstance(made, (list, tuple)) or not all(isinstance(one, BoundaryInstances) for one in made):
        raise ValueError(f"expected a list of BoundaryInstances, found {type(made).__name__}")
    if len(made) != len(tasks):
        raise ValueError(f"expected an answer for each of {len(tasks)} directions, found {len(made)}")
    for task, found in zip(tasks, made, strict=True):
        fault = _ends(task, found) or _tensors(task, found) or _origin(task, found) or _counts(task, found, classes)
        if fault:
            raise ValueError(f"instances of {task.source} to {task.target}: {fault}")


def _ends(task: DirectionTask, found: BoundaryInstances) -> str:
    same = (found.source, found.target) == (task.source, task.target)
    return "" if same else f"expected answers in the order of the tasks, found {found.source} to {found.target}"


def _tensors(task: DirectionTask, found: BoundaryInstances) -> str:
    """What is wrong with shapes and types; empty where nothing is."""
    if not isinstance(found.x_boundary, Tensor) or not found.x_boundary.ndim:
        return f"expected x_boundary as a tensor (N, ...), found {type(found.x_boundary).__name__}"
    count, device = len(found.x_boundary), task.x_source.device
    for name in (*POINTS, *ROWS):
        value: object = getattr(found, name)
        if value is None and name in OPTIONAL:
            continue
        dtype, shape = (torch.float32, tuple(task.x_source.shape[1:])) if name in POINTS else (torch.int64, ())
        if not isinstance(value, Tensor):
            return f"expected {name} as a tensor, found {type(value).__name__}"
        if (value.dtype, tuple(value.shape), value.device) != (dtype, (count, *shape), device):
            said = f"{value.dtype} {tuple(value.shape)} on {value.device}"
            return f"expected {name} as {dtype} {(count, *shape)} on {device}, found {said}"
        if name in POINTS and not bool(value.isfinite().all()):
            return f"expected finite numbers in {name}, found NaN or infinity"
        below = ROWS.get(name)
        if name in ROWS and count and (int(value.min()) < 0 or (below is not None and int(value.max()) >= below)):
            return f"expected {name} of 0 or more{f' and below {below}' if below else ''}, found others"
    return ""


def _origin(task: DirectionTask, found: BoundaryInstances) -> str:
    if len(found) and int(found.origin.max()) >= len(task.x_source):
        return f"expected origin below {len(task.x_source)}, the sources of the task, found {int(found.origin.max())}"
    if not torch.equal(found.x_source, task.x_source[found.origin]):
        return "expected each x_source to be the source that origin names, found others"
    return ""


def _counts(task: DirectionTask, found: BoundaryInstances, classes: int) -> str:
    """What is wrong with the counts: they only fall, and all that did not arrive has its reason."""
    stages: list[object] = [found.requested, found.adversarial, found.adversarial_of_adversarial]
    if not all(type(count) is int for count in stages):
        return "expected whole numbers as counts, found others"
    falling = [len(task.x_source), found.requested, found.adversarial, found.adversarial_of_adversarial, len(found)]
    if falling != sorted(falling, reverse=True):
        said = "requested, adversarial, adversarial_of_adversarial, instances"
        return f"expected counts ({said}) that only fall from {falling[0]} sources, found {falling[1:]}"
    for name in ("failures", "third_class"):
        counts: object = getattr(found, name)
        if not isinstance(counts, Counter) or not all(type(n) is int and n >= 0 for n in counts.values()):
            return f"expected {name} as a Counter of whole numbers of 0 or more, found others"
    if not all(isinstance(reason, str) for reason in found.failures):
        return "expected failures by their reason in words, found others"
    if len(found) + sum(found.failures.values()) != found.requested:
        lost = sum(found.failures.values())
        return f"expected instances and failures that add up to requested, found {len(found)} + {lost} of {falling[1]}"
    others = {*range(classes)} - {task.source, task.target}
    if not found.third_class.keys() <= others or sum(found.third_class.values()) > found.adversarial_of_adversarial:
        return "expected third_class to count bisections by the class that they were lost to, found others"
    return "" if isinstance(found.third_by_part, Mapping) else "expected third_by_part as a table, found none"
