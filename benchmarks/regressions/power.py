"""How often ``compare`` finds a known loss, and how often it finds one where there is none: drawn documents, no model.

In each draw two audits measure the same samples of each direction. True margins are log-normal; in four directions
those of the candidate are smaller by a share. What an audit finds is larger than the truth by an error of the search
of its own: uniform up to ``ERROR`` for most samples and up to ``LARGE_ERROR`` for the rest, which is what a search may
be off by that is within 1.02 of the best one in the median and within 1.10 at the 95th percentile.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from auditor.documents.results import Direction, Margins, Results
from auditor.policy.compare import compare
from benchmarks.regressions.page import Lines

SAMPLES = 64
CHANGED = 4
LOG_DEVIATION = 0.5
USUAL, ERROR, LARGE_ERROR = 0.95, 0.03, 0.1
LOSSES = (0.0, 0.02, 0.05, 0.1)


@dataclass(frozen=True)
class Power:
    """Verdicts on so many draws.

    Args:
        loss: share that the margins of four directions lost.
        directions: in each audit.
        verdicts: how often each came out.
    """

    loss: float
    directions: int
    verdicts: Counter[str]


def power(
    like: Results, draws: int, losses: tuple[float, ...] = LOSSES, sizes: tuple[int, ...] = (4, 30)
) -> list[Power]:
    """Verdicts for every loss and number of directions.

    Args:
        like: any results with at least half as many pairs as the largest number of directions.
    """
    return [
        Power(loss, size, Counter(compare(*drawn(like, seed, loss, size)).verdict for seed in range(draws)))
        for loss in losses
        for size in sizes
    ]


def drawn(like: Results, seed: int, loss: float, directions: int) -> tuple[Results, Results]:
    """A candidate and a baseline."""
    rng = random.Random(f"{seed} {loss} {directions}")
    frame = like.model_copy(update={"pairs": like.pairs[: directions // 2]})
    places = [(d.source, d.target) for pair in frame.pairs for d in pair.directions]
    true = {place: [rng.lognormvariate(0.0, LOG_DEVIATION) for _ in range(SAMPLES)] for place in places}
    smaller = {place: [(1 - loss) * value for value in true[place]] for place in places[:CHANGED]}
    return _audited(frame, true | smaller, rng), _audited(frame, true, rng)


def _audited(frame: Results, true: dict[tuple[int, int], list[float]], rng: random.Random) -> Results:
    def measured(d: Direction) -> Direction:
        margins = [v * (1 + rng.uniform(0, ERROR if rng.random() < USUAL else LARGE_ERROR))
                   for v in true[d.source, d.target]]  # fmt: skip
        index = list(range(1000 * d.source, 1000 * d.source + SAMPLES))
        table = Margins(index=index, l2=margins, linf=margins, tried_l2=None, tried_linf=None, method="drawn")
        return d.model_copy(update={"margins": {"test": table}})

    pairs = [pair.model_copy(update={"directions": [measured(d) for d in pair.directions]}) for pair in frame.pairs]
    return frame.model_copy(update={"pairs": pairs})


def power_section(found: list[Power], draws: int) -> Lines:
    """A row for each loss and size of the audit."""
    yield "## What compare finds, on drawn margins"
    yield ""
    yield f"{draws} draws each, without a model. Both audits measure the same {SAMPLES} samples of each direction;"
    yield f"their true margins are log-normal with a deviation of {LOG_DEVIATION}. In {CHANGED} directions the"
    yield "candidate's are smaller by the loss. Each audit finds margins that are too large by an error of its own,"
    yield f"up to {ERROR:.0%} for {USUAL:.0%} of the samples and up to {LARGE_ERROR:.0%} for the others."
    yield ""
    yield "| loss | directions | closer | farther | a different boundary | no clear difference |"
    yield "|---|---|---|---|---|---|"
    for row in found:
        counts = [row.verdicts[verdict] for verdict in ("closer", "farther", "different", "no_difference")]
        yield f"| {row.loss:.0%} | {row.directions} | {' | '.join(map(str, counts))} |"
