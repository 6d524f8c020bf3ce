"""Baselines of the pairs that the report shows on a page of their own, once it is known which these are."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.audit.budget import TimeBudget
from auditor.audit.failures import reason_of
from auditor.audit.finished_parts import Ledger
from auditor.audit.pairs.assembly import with_baselines
from auditor.audit.pairs.collect import sum_of
from auditor.audit.pairs.shard import Work, run_baselines
from auditor.audit.pairs.sources import directions_of
from auditor.audit.stages import Stages
from auditor.documents.parts import FinishedBaselines
from auditor.documents.results import Baseline, Cost, NotMeasured
from auditor.documents.results import Pair as AuditedPair
from auditor.models.steadiness import ModelChanged, add_not_finite, not_finite
from auditor.numbers.class_pairs import Pair


def baselines_of_shown(
    pairs: list[AuditedPair], shown: Sequence[Pair], work: Work, stages: Stages, budget: TimeBudget, ledger: Ledger
) -> tuple[list[AuditedPair], Cost]:
    """The pairs, with the baselines of those that the report shows on a page of their own, as far as time allows."""
    found: dict[Pair, dict[str, Baseline | NotMeasured]] = {}
    costs, failed = [], dict[Pair, str]()
    for done, pair in enumerate(shown):
        stages.report("baselines", done, len(shown), f"classes {pair[0]} and {pair[1]}")
        if (part := ledger.baselines(pair)) is not None:
            add_not_finite(work.subject.classifier.backend, part.not_finite)
        elif budget.fitting(1):
            part = _measured(pair, work, stages, ledger, failed)
        if part is not None:
            found |= dict(zip(directions_of([pair]), part.directions, strict=True))
            costs.append(part.cost)
    spent = "the time budget was spent"
    elsewhere = "baselines are measured for the pairs with a page of their own; --profile thorough measures all"
    for one in pairs:
        reason = failed.get(one.classes, spent) if one.classes in shown else elsewhere
        for direction in directions_of([one.classes]):
            found.setdefault(direction, dict.fromkeys(work.route.baselines, NotMeasured(not_measured=reason)))
    return with_baselines(pairs, found), sum_of(costs)


def _measured(
    pair: Pair, work: Work, stages: Stages, ledger: Ledger, failed: dict[Pair, str]
) -> FinishedBaselines | None:
    """The baselines of a pair; None where they could not be measured, which ``failed`` then explains."""
    spent = work.subject.classifier.spent
    forward, backward = spent.forward, spent.backward
    backend = work.subject.classifier.backend
    bad_before = not_finite(backend)
    try:
        forth, back = run_baselines([pair], work, stages.reporting_to(lambda *_: None)).values()
    except ModelChanged as err:  # nor will the next be; the check of the whole audit says so
        failed[pair] = f"the model changed its answers ({err.found})"
        return None
    except Exception as err:
        failed[pair] = reason_of(err)
        return None
    cost = Cost(forward=spent.forward - forward, backward=spent.backward - backward)
    bad = not_finite(backend) - bad_before
    part = FinishedBaselines(classes=pair, directions=(forth, back), cost=cost, not_finite=bad)
    ledger.add(part)
    return part
