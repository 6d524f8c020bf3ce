"""All class pairs of an audit, worked on and put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from auditor.documents.results import Cost, Pair, TaskFacts
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.crew import Crew, Helpers
from auditor.pipeline.pairs.generation import GenerationSetup
from auditor.pipeline.pairs.shard import Work
from auditor.pipeline.resume import FinishedParts
from auditor.pipeline.schedule import Schedule
from auditor.pipeline.stages import Stages
from auditor.pipeline.time_budget import TimeBudget


@dataclass(frozen=True)
class AuditedPairs:
    """What comes of the work on all pairs.

    Args:
        pairs: in order of their classes.
        missing: why others could not be measured.
        costs: of the parts.
        setup: with which they were made.
        memory: bytes that each helper held at most, by its number.
        tasks: that were done.
    """

    pairs: list[Pair]
    missing: dict[ClassPair, str]
    costs: list[Cost]
    setup: GenerationSetup
    memory: dict[int, int]
    tasks: list[TaskFacts]


def audited_pairs(
    work: Work,
    pairs: Sequence[ClassPair],
    prepare: Callable[[], GenerationSetup],
    stages: Stages,
    budget: TimeBudget,
    finished_parts: FinishedParts,
    helpers: Helpers,
) -> AuditedPairs:
    """Audit all pairs, with what can only be said once the last of them is finished.

    Args:
        work: what every task needs, its generator not yet prepared.
        pairs: in the order in which they are worked on.
        prepare: gives the setup whose generator has learned what it learns from the audit as a whole.
        stages, budget, finished_parts: of the audit.
        helpers: to whom tasks are handed.
    Raises:
        AuditError: no pair could be measured; it says why not the first.
    """
    schedule = Schedule(work, pairs, budget, finished_parts)
    crew = Crew(work, schedule, prepare, stages, finished_parts, helpers)
    crew.run()
    if schedule.first_failure is not None and not schedule.outcomes:
        raise schedule.first_failure
    names, compare = work.subject.dataset.class_names, work.suite.compare
    finished = [
        pair.document(names, compare(*(d.characteristics for d in pair.directions)))
        for pair in schedule.outcomes.values()
    ]
    return AuditedPairs(finished, schedule.missing, schedule.costs, crew.setup, crew.memory, crew.tasks)


def sum_of(costs: Iterable[Cost]) -> Cost:
    """Costs added up."""
    listed = list(costs)
    return Cost(forward=sum(cost.forward for cost in listed), backward=sum(cost.backward for cost in listed))
