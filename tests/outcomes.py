"""Outcomes of directions and pairs by hand."""

from __future__ import annotations

from auditor.documents.pair_outcomes import DirectionOutcome, PairOutcome
from auditor.documents.results import Generation, NotMeasured, Sources

NONE = NotMeasured(not_measured="not part of this test \N{SNOWMAN} \u2028")
COUNTS = Generation(
    requested=0, adversarial=0, adversarial_of_adversarial=0, boundary=0, success_rate=NONE,
    mean_bisection_steps=NONE, max_probability_gap=NONE, third_class={}, failures={},
)  # fmt: skip


def direction(source: int, target: int, **known: object) -> DirectionOutcome:
    """A direction of which nothing else is known."""
    fields = {"margins": {}, "flagged": [], "characteristics": {}, "by_generator": {}, "series": {}, **known}
    sources = Sources(split="train", index=[])
    return DirectionOutcome(source, target, sources, generation=COUNTS, samples=NONE, **fields)  # type: ignore[arg-type]


def pair(a: int, b: int) -> PairOutcome:
    """Two classes of which nothing else is known."""
    return PairOutcome((a, b), (direction(a, b), direction(b, a)))
