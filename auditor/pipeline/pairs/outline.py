"""An outline of a pair: every measure on a few boundary instances by a generator that needs no training.

Margins are those of the screening; precision is coarse. It tells of a pair for which the time does not suffice whether
its boundary is folded and where it lies in the embedding, with the intervals that so few instances allow.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from auditor.boundary.base import generators
from auditor.documents.pair_outcomes import FirstMargins, PairOutcome, PairsPart
from auditor.documents.results import GeneratorDefinition, NotMeasured, Pair
from auditor.functional.statistics import LEAST_FOR_RARE
from auditor.numbers.class_pairs import ClassPair, directions_of
from auditor.pipeline.pairs.generation import configured, generate
from auditor.pipeline.pairs.measuring import embedded
from auditor.pipeline.pairs.screening import first_margins, of_few_samples
from auditor.pipeline.pairs.shard import Generated, Work, measured
from auditor.pipeline.pairs.sources import sources_of
from auditor.pipeline.stages import Stages
from auditor.pipeline.time_budget import SPENT

OUTLINED = LEAST_FOR_RARE + 5
"""Sources of a direction: the fewest with which IDC's interval has two ends, and a few that the model gets wrong."""
GENERATOR = "nearest"
COARSER = 4.0
"""Times as coarse as the profile."""


def outlined_by(pairs: Sequence[Pair]) -> dict[str, GeneratorDefinition]:
    """What the generator of outlines is, by its name, where any pair was outlined."""
    outlined = any(pair.level == "outlined" for pair in pairs)
    return {GENERATOR: generators[GENERATOR].definition} if outlined else {}


def run_outline(
    pairs: Sequence[ClassPair], known: Mapping[ClassPair, FirstMargins], work: Work, stages: Stages
) -> PairsPart:
    """Outline some pairs that have been screened.

    Args:
        pairs: (a, b) of each.
        known: the first margins of each of their directions.
    """
    begin = time.perf_counter()
    outcomes, cost, bad = work.metered(lambda: _outlined(pairs, known, work, stages))
    return PairsPart(pairs=outcomes, cost=cost, seconds=time.perf_counter() - begin, not_finite=bad)


def _outlined(
    pairs: Sequence[ClassPair], known: Mapping[ClassPair, FirstMargins], work: Work, stages: Stages
) -> list[PairOutcome]:
    directions = directions_of(pairs)
    most = work.plan.settings.samples_per_class or OUTLINED
    plan = work.plan.model_copy(update={"samples_per_class": min(OUTLINED, most)})
    by = (GENERATOR, configured(GENERATOR, plan.settings))
    made = generate(work.subject.classifier, work.train, directions, by, plan, stages)
    embeddings = embedded(work.subject.classifier, made)
    generated = {
        direction: Generated(
            sources_of(work.train, direction[0], plan.samples_per_class, plan.seed),
            of,
            first_margins(known[direction]),
            embedding,
        )
        for direction, of, embedding in zip(directions, made, embeddings, strict=True)
    }
    outcomes = measured(generated, work, stages, COARSER)
    nothing = NotMeasured(not_measured=f"{SPENT} before the pair came to the full level")
    for direction, outcome in outcomes.items():
        outcome.characteristics |= of_few_samples(known[direction], work, nothing)
        outcome.margins.pop("train")
        outcome.baselines = dict.fromkeys(work.setup.baselines, nothing)
    return [PairOutcome((a, b), (outcomes[a, b], outcomes[b, a]), "outlined") for a, b in pairs]
