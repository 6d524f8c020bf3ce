"""Whether the route to the nearest points misleads: a few samples searched by other routes, and the best one chosen.

A gradient can be finite, not zero and wrong: rounding, steep steps and saturated probabilities make the attack stop far
from the boundary, and its margins look like robustness. Decisions do not lie. So the points that the attack found are
first brought nearer by decisions alone; a right gradient leaves nothing to gain there. Where something is gained, every
other route is tried at length, the best one takes the attack's place for the whole audit, and what a still longer
search finds beyond it is the doubt that remains.

Source: what tells masked gradients from robust models, arXiv 1802.00420, section 3.1; arXiv 1902.06705, section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from auditor.boundary.base import Progress
from auditor.boundary.minimal_norm_attack import AttackTask, NearestPoints, Search
from auditor.boundary.other_searches import Effort, NearestOf, RefinedSearch, SmoothedSearch
from auditor.documents.results import NotMeasured, Validity
from auditor.functional.descent import lengths
from auditor.functional.projection import Norm
from auditor.models.classifier import Classifier

ID = "gradient_masking"
NORMS: tuple[Norm, Norm] = ("l2", "linf")
SLIGHT = 1.05
"""Median ratio of distances from which on a route misleads: attacks of one kind differ by less among themselves, and a
search that goes on from its own points finds about half of what is left, so that margins are right to about 10 %."""
TOGETHER = 2
"""Best routes that are taken side by side: on a staircase each ends in a minimum of its own."""
HINT = 1.01
"""Upper quartile of the ratios after a glance from which on a long look follows; right gradients leave 1.00."""
SIGMAS = (0.05, 0.1, 0.2)
"""Noise of the averaged gradients: steps of 8 to 64 grey levels are narrower than one of these."""
GLANCE = Effort(rounds=1, back=12, walk=8, corners=16)
LOOK = Effort(rounds=1, back=40, walk=25, corners=60)
LONG_LOOK = Effort(rounds=4, back=200, walk=150, corners=600)
LENGTH = Effort(rounds=10, back=200, walk=150, corners=1500)
LONGER = Effort(rounds=20, back=200, walk=150, corners=3000)
"""Questions by decisions: a glance at the attack's points, a look at each route's, a long one after a glance that finds
something and at a model that rounds, a route of its own, and what that one is held against."""

Distances = dict[Norm, Tensor]


@dataclass(frozen=True)
class CrossCheck:
    """What other routes found on a few samples.

    Args:
        samples: how many were searched by every route.
        first, chosen: titles of the search that the audit began with, and of the one that it goes on with.
        before: by norm, the median over samples of the first search's distance by the best known.
        after: the same of the chosen search.
        won: share of samples in which another route than the first is nearer by more than 5 % in either norm.
        gradient: whether the model has gradients that could mislead.
    """

    samples: int
    first: str
    chosen: str
    before: dict[Norm, float]
    after: dict[Norm, float]
    won: float
    gradient: bool = True


def choose_search(
    classifier: Classifier, tasks: Sequence[AttackTask], search: Search, progress: Progress = lambda *_: None
) -> tuple[Search, CrossCheck]:
    """The search that finds the nearest points of a few samples, and how far the first one was off.

    Args:
        tasks: a few sources of some directions, with random generators of their own.
        search: along the model's gradients, or by decisions alone where it has none.
    """
    gradient = not isinstance(classifier.gradient, NotMeasured)
    points = search(classifier, tasks, progress)
    first = _distances(tasks, points)
    if gradient:
        looked = _distances(tasks, RefinedSearch(search, GLANCE).onward(classifier, tasks, points))
        # Where the model is known to round, or a glance finds a little, it is looked at length.
        if classifier.backend.quantised or max(_ratios_at(0.75, first, _nearest([first, looked])).values()) > HINT:
            looked = _distances(tasks, RefinedSearch(search, LONG_LOOK).onward(classifier, tasks, points))
        if max(_median_ratios(first, _nearest([first, looked])).values()) <= SLIGHT:
            return search, _compared(search, search, [first, looked], first, gradient)
        routes: list[Search] = [search, *(SmoothedSearch(search, sigma) for sigma in SIGMAS)]
    else:
        routes = [search]
    found = [points if route is search else route(classifier, tasks, progress) for route in routes]
    looks = [
        _distances(tasks, RefinedSearch(r, LOOK).onward(classifier, tasks, p))
        for r, p in zip(routes, found, strict=True)
    ]
    tried = [*(_distances(tasks, part) for part in found), *looks]
    best = _nearest(tried)
    order = sorted(range(len(routes)), key=lambda k: sum(_median_ratios(looks[k], best).values()))[:TOGETHER]
    refined = [RefinedSearch(routes[k], LENGTH) for k in order]
    onward = [route.onward(classifier, tasks, found[k]) for route, k in zip(refined, order, strict=True)]
    longer = [RefinedSearch(search, LONGER).onward(classifier, tasks, part) for part in onward]
    chosen = NearestOf(tuple(refined)) if len(refined) > 1 else refined[0]
    reached = _nearest([_distances(tasks, part) for part in onward])
    return chosen, _compared(
        search, chosen, [first, *tried, *(_distances(tasks, part) for part in longer)], reached, gradient
    )


def validity(check: CrossCheck) -> Validity:
    """The check in words: failing where even the best route is more than ``SLIGHT`` times from the best point known."""
    status: Literal["ok", "warn", "fail"]
    if not check.samples:
        text = "The attack could not be cross-checked: no point was found from any of the samples tried."
        return Validity(id=ID, status="warn", message=text)
    left = max(check.after.values())
    if not check.gradient:
        text = (
            f"No gradient is there to mislead the search. Distances from {check.samples:,} samples by decisions alone"
            f" are {_times(check.after)} those of a longer search, which may miss nearer points too."
        )
        return Validity(id=ID, status="warn", message=text)
    if check.first == check.chosen:
        text = (
            f"From {check.samples:,} samples the attack along gradients was continued by the model's decisions alone:"
            f" its distances are {_times(check.before)} the best found, so the gradient does not mislead."
        )
        return Validity(id=ID, status="ok", message=text)
    status = "fail" if left > SLIGHT else "warn"
    text = (
        f"The model's gradient misleads: from {check.samples:,} samples the distances of the attack along gradients are"
        f" {_times(check.before)} the best found by other routes. All margins come from the best of these instead"
        f" ({check.chosen}); its distances are {_times(check.after)} those of a longer search"
    )
    if status == "fail":
        text += ", so the margins are too large by that much or more"
    return Validity(id=ID, status=status, message=f"{text}.")


def _compared(
    search: Search, chosen: Search, tried: Sequence[Distances], reached: Distances, gradient: bool
) -> CrossCheck:
    """The first search and the chosen one against the nearest point of each sample by any of those tried."""
    best = _nearest(tried)
    known = torch.isfinite(best["l2"]) | torch.isfinite(best["linf"])
    ratios = [_ratios(tried[0][norm], best[norm]) for norm in NORMS]
    won = torch.stack(ratios).amax(dim=0)[known] > SLIGHT
    return CrossCheck(
        samples=int(known.sum()),
        first=search.title,
        chosen=chosen.title,
        before=_median_ratios(tried[0], best),
        after=_median_ratios(reached, best),
        won=float(won.float().mean()) if len(won) else 0.0,
        gradient=gradient,
    )


def _distances(tasks: Sequence[AttackTask], points: Sequence[NearestPoints]) -> Distances:
    """By norm, how far each sample's point is; infinite where none was found."""
    parts: dict[Norm, list[Tensor]] = {norm: [] for norm in NORMS}
    for task, found in zip(tasks, points, strict=True):
        parts["l2"].append(torch.where(found.found_l2, lengths(found.l2 - task.x, "l2"), torch.inf))
        parts["linf"].append(torch.where(found.found_linf, lengths(found.linf - task.x, "linf"), torch.inf))
    return {norm: torch.cat(values) for norm, values in parts.items()}


def _nearest(tried: Sequence[Distances]) -> Distances:
    """By norm, the shortest distance of each sample."""
    return {norm: torch.stack([distances[norm] for distances in tried]).amin(dim=0) for norm in NORMS}


def _ratios(distance: Tensor, best: Tensor) -> Tensor:
    """How many times the best distance each one is; 1 where no route found a point."""
    return torch.where(torch.isfinite(best), distance / best.clamp_min(1e-12), 1.0)


def _ratios_at(level: float, distances: Distances, best: Distances) -> dict[Norm, float]:
    """By norm, a quantile over the samples from which any route found a point; 1 where there are none."""
    quantiles = dict[Norm, float]()
    for norm in NORMS:
        ratios = _ratios(distances[norm], best[norm])[torch.isfinite(best[norm])]
        # Of the order statistics: between an infinite ratio and another there is nothing.
        quantiles[norm] = float(ratios.sort().values[int(level * len(ratios))]) if len(ratios) else 1.0
    return quantiles


_median_ratios = partial(_ratios_at, 0.5)


def _times(ratios: dict[Norm, float]) -> str:
    """Median ratios in words.

    >>> _times({"l2": 1.5, "linf": 1.0})
    '1.50 times (L2) and 1.00 times (Linf)'
    """
    return " and ".join(f"{ratio:.2f} times ({'L2' if norm == 'l2' else 'Linf'})" for norm, ratio in ratios.items())
