"""An outline of a pair: every measure on a few boundary instances by a generator that needs no training.

Margins are those of the screening; precision is coarse, and nothing is asked for a figure alone. It tells of a pair for
which the time does not suffice whether its boundary is folded and where it lies in the embedding, with the intervals
that so few instances allow.

Sources are the first of their class that the model puts in it. Where they lead to fewer instances than an interval of
IDC with two ends takes, the next ones follow, a few times, where enough of them are left. The success rate is that of
all that were tried: to stop where n instances suffice raises its expectation by less than a share of 1 / n.

IDC looks at its interval once each instance has been at one end of a trajectory: these trajectories share none.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from auditor.boundary.base import BoundaryInstances, generators
from auditor.boundary.source_parts import together
from auditor.characteristics.idc import InputSpaceComplexity
from auditor.documents.pair_outcomes import DirectionOutcome, FirstMargins, PairOutcome, PairsPart, ScreenedPair
from auditor.documents.results import GeneratorDefinition, NotMeasured, Pair
from auditor.functional.statistics import LEAST_FOR_RARE
from auditor.numbers.class_pairs import ClassPair, directions_of
from auditor.pipeline.pairs.generation import configured, generate
from auditor.pipeline.pairs.margins import document, of_first
from auditor.pipeline.pairs.measuring import CharacteristicSuite, embedded
from auditor.pipeline.pairs.screening import first_margins, of_few_samples
from auditor.pipeline.pairs.shard import Generated, Work, measured
from auditor.pipeline.pairs.sources import ranked
from auditor.pipeline.stages import Stages
from auditor.pipeline.time_budget import SPENT

OUTLINED = LEAST_FOR_RARE + 1
"""Sources of a direction at first: the fewest instances with which IDC's interval has two ends, in pairs."""
PORTIONS, AMPLE, MOST = 4, 1.2, 3 * OUTLINED
"""Times that sources are taken at most; later ones taken, in multiples of what the instances so far call for; sources
in all."""
GENERATOR = "nearest"
NOTHING = NotMeasured(not_measured=f"{SPENT} before the pair came to the full level")
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
    made = _generated(directions, work, stages)
    embeddings = embedded(work.subject.classifier, [of for _, of in made])
    generated = {
        direction: Generated(sources, of, first_margins(known[direction]), embedding)
        for direction, (sources, of), embedding in zip(directions, made, embeddings, strict=True)
    }
    outcomes = measured(generated, replace(work, suite=_brief(work.suite)), stages, coarser=COARSER, drawn=False)
    for direction, outcome in outcomes.items():
        outcome.margins.pop("train")
        outcome.baselines = dict.fromkeys(work.setup.baselines, NOTHING)
        _take_margins(outcome, known[direction], work)
    return [PairOutcome((a, b), (outcomes[a, b], outcomes[b, a]), "outlined") for a, b in pairs]


def take_margins(outlined: PairOutcome, screened: ScreenedPair, work: Work) -> None:
    """Put the margins of a later screening in the place of those that an outline was made with."""
    for outcome, of in zip(outlined.directions, screened.directions, strict=True):
        _take_margins(outcome, of, work)


def _take_margins(outcome: DirectionOutcome, of: FirstMargins, work: Work) -> None:
    outcome.margins["test"] = document(of_first(of))
    outcome.characteristics |= of_few_samples(of, work, NOTHING)


def _generated(directions: Sequence[ClassPair], work: Work, stages: Stages) -> list[tuple[Tensor, BoundaryInstances]]:
    """Sources of each direction, ascending, and the instances made of them."""
    by, order = (GENERATOR, configured(GENERATOR, work.plan.settings)), {s: _usable(s, work) for s, _ in directions}
    portions, parts = ({direction: list[Any]() for direction in directions} for _ in range(2))
    wanted = dict.fromkeys(directions, OUTLINED)
    for _ in range(PORTIONS):
        now = {d: order[d[0]][(tried := sum(map(len, portions[d]))) : tried + more] for d, more in wanted.items()}
        made = generate(work.subject.classifier, work.train, list(now), by, work.plan, stages, now)
        for (direction, sources), of in zip(now.items(), made, strict=True):
            portions[direction].append(sources)
            parts[direction].append(of)
        wanted = {d: more for d in now if (more := _further(parts[d], len(order[d[0]])))}
        if not wanted:
            break
    found = []
    for direction in directions:
        sources = torch.cat(portions[direction]).sort().values
        rows = [torch.searchsorted(sources, portion) for portion in portions[direction]]
        found.append((sources, together(parts[direction], rows)))
    return found


def _brief(suite: CharacteristicSuite) -> CharacteristicSuite:
    """The same with an IDC that looks at its interval early; a plug-in in its place stays as it is."""
    idc = suite.directed.get("idc")
    if not isinstance(idc, InputSpaceComplexity):
        return suite
    return replace(suite, directed={**suite.directed, "idc": replace(idc, least=min(idc.least, OUTLINED // 2))})


def _usable(label: int, work: Work) -> Tensor:
    """Places of the training samples of a class that may be sources, in the order in which they are used.

    The samples of a class that the command line asks for are a bound, those of the profile are not: these go with a
    generator that costs more.
    """
    first = ranked(work.train.split, "train", label, work.plan.seed)[: work.plan.samples_per_class]
    return first[work.train.correct[first]][:MOST]


def _further(parts: Sequence[BoundaryInstances], usable: int) -> int:
    """Sources to try in addition; 0 where there are instances enough, or never will be."""
    tried, found = sum(part.requested for part in parts), sum(map(len, parts))
    if not found or found >= LEAST_FOR_RARE:
        return 0
    needed = (LEAST_FOR_RARE - found) * tried / found
    return 0 if needed > usable - tried else math.ceil(AMPLE * needed)
