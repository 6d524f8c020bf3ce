"""All class pairs of an audit, worked on and put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from auditor.documents.results import Cost, Pair
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.crew import Crew
from auditor.pipeline.pairs.shard import Work
from auditor.pipeline.resume import FinishedParts
from auditor.pipeline.schedule import Schedule
from auditor.pipeline.stages import Stages
from auditor.pipeline.time_budget import TimeBudget


def audited_pairs(
    work: Work, pairs: Sequence[ClassPair], stages: Stages, budget: TimeBudget, finished_parts: FinishedParts
) -> tuple[list[Pair], dict[ClassPair, str], list[Cost]]:
    """Audit all pairs, with what can only be said once the last of them is finished.

    Args:
        work: what every task needs.
        pairs: in the order in which they are worked on.
        stages, budget, finished_parts: of the audit.
    Returns:
        the pairs in order of their classes, why others could not be measured, and what the parts cost.
    Raises:
        AuditError: no pair could be measured; it says why not the first.
    """
    schedule = Schedule(work, pairs, budget, finished_parts)
    Crew(work, schedule, stages, finished_parts).run()
    if schedule.first_failure is not None and not schedule.outcomes:
        raise schedule.first_failure
    names, compare = work.subject.dataset.class_names, work.suite.compare
    finished = [
        pair.document(names, compare(*(d.characteristics for d in pair.directions)))
        for pair in schedule.outcomes.values()
    ]
    return finished, schedule.missing, schedule.costs


def sum_of(costs: Iterable[Cost]) -> Cost:
    """Costs added up."""
    listed = list(costs)
    return Cost(forward=sum(cost.forward for cost in listed), backward=sum(cost.backward for cost in listed))
