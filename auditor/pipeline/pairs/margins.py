"""How far single samples lie from another class: the nearest points found, for samples of both splits.

The samples of a direction are the first of its class in the order of ``sources``, whatever the model or the generator
makes of them. One that the model does not put in its own class to begin with has margin 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from auditor.boundary.minimal_norm_attack import AttackTask, NearestPoints, NearestSearch, Search
from auditor.boundary.misleading_gradients import ID, choose_search, validity
from auditor.characteristics.base import SampleMargins, SplitName
from auditor.documents.plan import Plan
from auditor.documents.profiles import Profile
from auditor.documents.results import Margins, Validity
from auditor.functional.distances import l2, linf
from auditor.functional.statistics import evenly_spaced
from auditor.models.classifier import Classifier
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.failures import reason_of
from auditor.pipeline.model_facts.predictions import Predictions
from auditor.pipeline.pairs.sources import first_of_class
from auditor.pipeline.seeds import generator_for
from auditor.pipeline.stages import Stages

STARTS, NUMBERS = 256, 2**23
"""Samples of the target class, evenly spaced, that a search may start from, and the most pixels that they hold."""
CHECKED, CHECKED_DIRECTIONS, CHECKED_EACH = 24, 8, 4
"""Most test samples, most directions that they are of, and most of one direction, on which other routes are tried."""
LARGE, CHECKED_LARGE = 2**12, 8
"""Instances of more pixels than the first are taken to be a large network's, where each sample costs seconds, and no
more than so many are tried."""
BY_DECISIONS = 16
"""Most samples of a class in each split that are searched from by decisions, which ask the model thousands of times for
each: quantiles of so few have wide intervals and open ends."""


@dataclass(frozen=True)
class _Searched:
    """Samples of a class in one split: their places, and which of them the model puts in that class."""

    index: Tensor
    right: Tensor
    x: Tensor


def sample_margins(
    classifier: Classifier,
    answers: Mapping[SplitName, Predictions],
    directions: Sequence[ClassPair],
    search: Search,
    plan: Plan,
    stages: Stages,
) -> list[dict[SplitName, SampleMargins]]:
    """Margins of the samples of each direction, by split.

    Args:
        answers: the artefact's, on each split.
        directions: (s, t) of each.
        search: finds the nearest points.
    """

    most = searched_from(search, plan.settings)

    @cache
    def searched(label: int) -> dict[SplitName, _Searched]:
        return {name: _searched(of, name, label, most[name], plan.seed) for name, of in answers.items()}

    tasks = _tasks(
        answers["train"], directions, lambda label: torch.cat([part.x for part in searched(label).values()]), plan.seed
    )
    with stages.stage(search.title):
        points = search(classifier, tasks, stages.report)
    return [_by_split(searched(task.source), task.x, nearest) for task, nearest in zip(tasks, points, strict=True)]


def checked_search(
    classifier: Classifier,
    answers: Mapping[SplitName, Predictions],
    directions: Sequence[ClassPair],
    search: Search,
    plan: Plan,
    stages: Stages,
) -> tuple[Search, Validity]:
    """The search that finds the nearest points of a few samples, and whether the model's gradient misleads.

    Args:
        directions: of the whole audit; a few are looked at, evenly spaced.
    """
    few = [directions[i] for i in evenly_spaced(len(directions), CHECKED_DIRECTIONS).tolist()]
    most = CHECKED_LARGE if answers["test"].split.pixels[0].numel() > LARGE else CHECKED
    samples = min(CHECKED_EACH, max(1, most // max(1, len(few))))

    def x_of(label: int) -> Tensor:
        return _searched(answers["test"], "test", label, samples, plan.seed).x

    try:
        with stages.stage("checking the search for nearest points"):
            tasks = _tasks(answers["train"], few, x_of, plan.seed)
            chosen, check = choose_search(classifier, tasks, search, stages.report)
    except Exception as err:  # a model that fails on one boundary may be audited on the others
        message = f"Whether the model's gradient misleads could not be checked: {reason_of(err)}."
        return search, Validity(id=ID, status="warn", message=message)
    return chosen, validity(check)


def searched_from(search: Search, profile: Profile) -> dict[SplitName, int]:
    """Samples of a class by split that a search is run on: few where it asks the model for many decisions."""
    limits = [profile.samples_per_class] if profile.samples_per_class is not None else []
    if not isinstance(search, NearestSearch):
        limits.append(BY_DECISIONS)
    return {"test": min([profile.attacked, *limits]), "train": min([profile.attacked_train, *limits])}


def document(margins: SampleMargins) -> Margins:
    """The margins as they stand in the results."""
    values = {norm: getattr(margins, norm).tolist() for norm in ("l2", "linf")}
    return Margins(
        index=margins.index.tolist(),
        l2=[_rounded(v) for v in values["l2"]],
        linf=[_rounded(v) for v in values["linf"]],
        tried_l2=_least_tried(margins.l2, margins.tried_l2),
        tried_linf=_least_tried(margins.linf, margins.tried_linf),
        method=margins.method,
    )


def _tasks(
    train: Predictions, directions: Sequence[ClassPair], x_of: Callable[[int], Tensor], seed: int
) -> list[AttackTask]:
    """What is searched for in each direction: from ``x_of`` its source class, starting among training samples of t."""

    @cache
    def starts(label: int) -> Tensor:
        rows = train.right_of(label)
        most = min(STARTS, max(1, NUMBERS // train.split.pixels[0].numel()))
        return train.split.instances(rows[evenly_spaced(len(rows), most)])

    return [AttackTask(s, t, x_of(s), starts(t), generator_for(seed, "attack", s, t)) for s, t in directions]


def _searched(of: Predictions, name: SplitName, label: int, most: int, seed: int) -> _Searched:
    index = first_of_class(of.split, name, label, most, seed)
    right = of.correct[index]
    return _Searched(index, right, of.split.instances(index[right]))


def _by_split(
    searched: Mapping[SplitName, _Searched], x: Tensor, points: NearestPoints
) -> dict[SplitName, SampleMargins]:
    sizes = [len(part.x) for part in searched.values()]
    found_l2, found_linf = (
        torch.where(found, distance(x, y), torch.inf).split(sizes)
        for found, distance, y in ((points.found_l2, l2, points.l2), (points.found_linf, linf, points.linf))
    )
    tried_l2, tried_linf = points.tried_l2.split(sizes), points.tried_linf.split(sizes)
    return {
        name: SampleMargins(
            index=part.index,
            l2=_spread(part.right, found_l2[k]),
            linf=_spread(part.right, found_linf[k]),
            tried_l2=_spread(part.right, tried_l2[k]),
            tried_linf=_spread(part.right, tried_linf[k]),
            method=points.method,
        )
        for k, (name, part) in enumerate(searched.items())
    }


def _spread(right: Tensor, values: Tensor) -> Tensor:
    """Values of the samples that the model puts in their class, 0 for the others: float32 ``(M,)``."""
    everyone = torch.zeros(len(right))
    everyone[right] = values
    return everyone


def _rounded(value: float) -> float | None:
    """Six significant digits, None for what was not found."""
    return float(f"{value:.6g}") if value != float("inf") else None


def _least_tried(values: Tensor, tried: Tensor) -> float | None:
    """The least of the distances to which samples were followed that have no margin."""
    lost = tried[values.isinf()]
    return _rounded(float(lost.min())) if len(lost) else None
