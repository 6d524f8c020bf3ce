"""Baselines of the pairs that the report shows on a page of their own, once it is known which these are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auditor.documents.pair_outcomes import BaselinesPart, PairOutcome
from auditor.documents.results import Cost, NotMeasured
from auditor.models.determinism import ModelChanged, add_not_finite
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.failures import reason_of
from auditor.pipeline.pairs.shard import Work, run_baselines
from auditor.pipeline.resume import FinishedParts
from auditor.pipeline.stages import Stages
from auditor.pipeline.time_budget import TimeBudget

SPENT = "the time budget was spent"
ELSEWHERE = "baselines are measured for the pairs with a page of their own; --profile thorough measures all"


def baselines_of_shown(
    pairs: Mapping[ClassPair, PairOutcome],
    shown: Sequence[ClassPair],
    work: Work,
    stages: Stages,
    budget: TimeBudget,
    finished_parts: FinishedParts,
) -> list[Cost]:
    """Give the pairs that the report shows their baselines, as far as time allows, and the others the reason why not.

    Returns:
        what each of these cost.
    """
    costs = []
    for classes, pair in pairs.items():
        _without(pair, work, SPENT if classes in shown else ELSEWHERE)
    for done, classes in enumerate(shown):
        stages.report("baselines", done, len(shown), f"classes {classes[0]} and {classes[1]}")
        if (part := finished_parts.baselines(classes)) is not None:
            add_not_finite(work.subject.classifier.backend, part.not_finite)
        elif budget.fitting(1):
            part = _measured(pairs[classes], work, stages, finished_parts)
        if part is not None:
            costs.append(part.cost)
            for direction, baselines in zip(pairs[classes].directions, part.directions, strict=True):
                direction.baselines = baselines
    return costs


def _measured(pair: PairOutcome, work: Work, stages: Stages, finished_parts: FinishedParts) -> BaselinesPart | None:
    """The baselines of a pair; None where they could not be measured, for a reason that then stands in their place."""
    silent = stages.reporting_to(lambda *_: None)
    try:
        measured, cost, bad = work.metered(lambda: run_baselines([pair.classes], work, silent))
    except ModelChanged as err:  # nor will the next be; the check of the whole audit says so
        _without(pair, work, f"the model changed its answers ({err.found})")
        return None
    except Exception as err:
        _without(pair, work, reason_of(err))
        return None
    forth, back = measured.values()
    part = BaselinesPart(classes=pair.classes, directions=(forth, back), cost=cost, not_finite=bad)
    finished_parts.add(part)
    return part


def _without(pair: PairOutcome, work: Work, reason: str) -> None:
    """Say in both directions why there are no baselines."""
    for direction in pair.directions:
        direction.baselines = dict.fromkeys(work.setup.baselines, NotMeasured(not_measured=reason))
