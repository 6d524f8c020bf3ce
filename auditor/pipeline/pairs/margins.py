"""How far single samples lie from another class: the nearest points found, for samples of both splits.

The samples of a direction are the first of its class in the order of ``sources``, whatever the model or the generator
makes of them. One that the model does not put in its own class to begin with has margin 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from auditor.boundary.minimal_norm_attack import AttackTask, NearestPoints, NearestSearch, Search
from auditor.boundary.misleading_gradients import ID, choose_search, validity
from auditor.characteristics.base import SampleMargins, SplitName
from auditor.documents.pair_outcomes import FirstMargins, ScreenedPair
from auditor.documents.plan import Plan
from auditor.documents.profiles import Profile
from auditor.documents.results import Margins, Validity
from auditor.functional.distances import l2, linf
from auditor.functional.statistics import evenly_spaced
from auditor.models.classifier import Classifier
from auditor.numbers.class_pairs import ClassPair, directions_of
from auditor.pipeline.failures import reason_of
from auditor.pipeline.model_facts.predictions import Predictions
from auditor.pipeline.pairs.sources import ranked
from auditor.pipeline.seeds import generator_for
from auditor.pipeline.stages import Stages
from auditor.pipeline.time_budget import SPENT, OutOfTime, TimeBudget, at_most

STARTS, NUMBERS = 256, 2**23
"""Samples of the target class, evenly spaced, that a search may start from, and the most pixels that they hold."""
CHECKED, CHECKED_DIRECTIONS, CHECKED_EACH = 24, 8, 4
"""Most test samples, most directions that they are of, and most of one direction, on which other routes are tried."""
LEAST_CHECKED, CHECK_SHARE = 4, 0.1
"""Under a time budget, the fewest of them that tell anything, and what of the time left a look may take; at twice that
it is cut off."""
UNCHECKED = "Whether the model's gradient misleads could not be checked"
LARGE, CHECKED_LARGE = 2**12, 8
"""Instances of more pixels than the first are taken to be a large network's, where each sample costs seconds, and no
more than so many are tried."""
BY_DECISIONS = 16
"""Most samples of a class in each split that are searched from by decisions, which ask the model thousands of times for
each: quantiles of so few have wide intervals and open ends."""
SCREENED = 8
"""Test samples of a class whose margins are searched for before anything else, to find the pairs that matter most."""
NOTHING: Mapping[ClassPair, FirstMargins] = {}


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
    known: Mapping[ClassPair, FirstMargins] = NOTHING,
) -> list[dict[SplitName, SampleMargins]]:
    """Margins of the samples of each direction, by split.

    Args:
        answers: the artefact's, on each split.
        directions: (s, t) of each.
        search: finds the nearest points.
        known: of directions, those of the first test samples, which are not searched again: what happens to a sample
            depends on that sample alone.
    """

    most = searched_from(search, plan.settings)

    @cache
    def searched(label: int, done: int) -> dict[SplitName, _Searched]:
        first: dict[SplitName, int] = {"test": done, "train": 0}
        return {name: _searched(of, name, label, most[name], plan.seed, first[name]) for name, of in answers.items()}

    def rest(direction: ClassPair) -> dict[SplitName, _Searched]:
        return searched(direction[0], len(known[direction].index) if direction in known else 0)

    tasks = _tasks(answers["train"], directions, lambda d: torch.cat([part.x for part in rest(d).values()]), plan.seed)
    with stages.stage(search.title):
        points = search(classifier, tasks, stages.report)
    found = [_by_split(rest(d), task.x, nearest) for d, task, nearest in zip(directions, tasks, points, strict=True)]
    for direction, margins in zip(directions, found, strict=True):
        if direction in known:
            margins["test"] = _joined(known[direction], margins["test"])
    return found


def screened(
    classifier: Classifier,
    answers: Mapping[SplitName, Predictions],
    pairs: Sequence[ClassPair],
    samples: int,
    search: Search,
    plan: Plan,
    stages: Stages,
    known: Mapping[ClassPair, FirstMargins] = NOTHING,
) -> list[ScreenedPair]:
    """Margins of the first test samples of each class, on which the full level goes on.

    Args:
        pairs: (a, b) of each.
        samples: of a class.
        known: of directions, those of fewer samples, which are not searched again.
    """
    directions, few = directions_of(pairs), replace(plan.settings, attacked=min(samples, plan.settings.attacked))
    most = searched_from(search, few)["test"]

    @cache
    def rest(label: int, done: int) -> _Searched:
        return _searched(answers["test"], "test", label, most, plan.seed, done)

    parts = {d: rest(d[0], len(known[d].index) if d in known else 0) for d in directions}
    tasks = _tasks(answers["train"], directions, lambda direction: parts[direction].x, plan.seed)
    with stages.stage(search.title):
        points = search(classifier, tasks, stages.report)
    found = dict[ClassPair, FirstMargins]()
    for direction, task, nearest in zip(directions, tasks, points, strict=True):
        margins = _by_split({"test": parts[direction]}, task.x, nearest)["test"]
        found[direction] = _first(direction, margins, known.get(direction), answers["test"], plan.seed)
    return [ScreenedPair((a, b), (found[a, b], found[b, a])) for a, b in pairs]


def of_first(first: FirstMargins) -> SampleMargins:
    """First margins as a full level has them: in the order of the samples' places."""
    index = torch.tensor(first.index, dtype=torch.int64)
    order = index.argsort()
    columns = (
        torch.tensor([torch.inf if v is None else v for v in values])[order]
        for values in (first.l2, first.linf, first.tried_l2, first.tried_linf)
    )
    nearest_l2, nearest_linf, tried_l2, tried_linf = columns
    return SampleMargins(index[order], nearest_l2, nearest_linf, tried_l2, tried_linf, first.method)


def _first(
    direction: ClassPair, margins: SampleMargins, before: FirstMargins | None, test: Predictions, seed: int
) -> FirstMargins:
    """Margins in the order in which samples are used."""
    joined = margins if before is None else _joined(before, margins)
    used = ranked(test.split, "test", direction[0], seed)[: len(joined)]
    rows = torch.searchsorted(joined.index, used)

    def listed(values: Tensor) -> list[float | None]:
        return [None if v == float("inf") else v for v in values[rows].tolist()]

    return FirstMargins(
        *direction,
        index=used.tolist(),
        l2=listed(joined.l2),
        linf=listed(joined.linf),
        tried_l2=joined.tried_l2[rows].tolist(),
        tried_linf=joined.tried_linf[rows].tolist(),
        method=joined.method,
    )


def _joined(first: FirstMargins, more: SampleMargins) -> SampleMargins:
    """Margins of some samples and of others, in the order of their places."""
    known = of_first(first)
    index = torch.cat([known.index, more.index])
    order = index.argsort()
    nearest_l2, nearest_linf, tried_l2, tried_linf = (
        torch.cat([getattr(of, name) for of in (known, more)])[order]
        for name in ("l2", "linf", "tried_l2", "tried_linf")
    )
    return SampleMargins(index[order], nearest_l2, nearest_linf, tried_l2, tried_linf, more.method)


def checked_search(
    classifier: Classifier,
    answers: Mapping[SplitName, Predictions],
    directions: Sequence[ClassPair],
    search: Search,
    plan: Plan,
    stages: Stages,
    budget: TimeBudget,
) -> tuple[Search, Validity]:
    """The search that finds the nearest points of a few samples, and whether the model's gradient misleads.

    Args:
        directions: of the whole audit; a few are looked at, evenly spaced.
        budget: fewer samples are looked at where these would take more than a share of the time left.
    """
    most = _affordable(budget, CHECKED_LARGE if answers["test"].split.pixels[0].numel() > LARGE else CHECKED)
    few = [directions[i] for i in evenly_spaced(len(directions), min(CHECKED_DIRECTIONS, max(1, most))).tolist()]
    samples = min(CHECKED_EACH, max(1, most // max(1, len(few))))

    def x_of(direction: ClassPair) -> Tensor:
        return _searched(answers["test"], "test", direction[0], samples, plan.seed).x

    spent = Validity(id=ID, status="warn", message=f"{UNCHECKED}: {SPENT}.")
    if most < LEAST_CHECKED:
        return search, spent
    try:
        with (
            stages.stage("checking the search for nearest points"),
            at_most(None if budget.seconds is None else 2 * CHECK_SHARE * budget.left(), classifier.spent),
        ):
            tasks = _tasks(answers["train"], few, x_of, plan.seed)
            chosen, check = choose_search(classifier, tasks, search, stages.report)
    except OutOfTime:
        return search, spent
    except Exception as err:  # a model that fails on one boundary may be audited on the others
        return search, Validity(id=ID, status="warn", message=f"{UNCHECKED}: {reason_of(err)}.")
    return chosen, validity(check)


def _affordable(budget: TimeBudget, most: int) -> int:
    """Samples that a share of the time allows to look at: from each the attack, and as much again by decisions."""
    one = budget.pace.expected("screen", 1)
    return most if budget.seconds is None or not one else min(most, int(CHECK_SHARE * budget.left() / one))


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
    train: Predictions, directions: Sequence[ClassPair], x_of: Callable[[ClassPair], Tensor], seed: int
) -> list[AttackTask]:
    """What is searched for in each direction: from ``x_of`` it, starting among training samples of t."""

    @cache
    def starts(label: int) -> Tensor:
        rows = train.right_of(label)
        most = min(STARTS, max(1, NUMBERS // train.split.pixels[0].numel()))
        return train.split.instances(rows[evenly_spaced(len(rows), most)])

    return [AttackTask(s, t, x_of((s, t)), starts(t), generator_for(seed, "attack", s, t)) for s, t in directions]


def _searched(of: Predictions, name: SplitName, label: int, most: int, seed: int, done: int = 0) -> _Searched:
    """The first ``most`` samples of a class without the ``done`` first of these."""
    index = ranked(of.split, name, label, seed)[done:most].sort().values
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
