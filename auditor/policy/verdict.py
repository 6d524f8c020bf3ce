"""What a comparison comes to: one verdict on the boundary, and everything that it rests on, as data.

The boundary is looked at in three ways: direction by direction (signed-rank, Holm), on average over the directions,
and sample by sample. Medians can stay where they are while half of the samples come closer and half go farther: that
is another boundary, and what was known of single samples no longer holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from auditor.documents.comparison import ComparedMean, Comparison, Moved, Outcome, Reason
from auditor.documents.results import Measure
from auditor.numbers.intervals import Interval, simultaneous

BOTH_WAYS = 0.1
"""Share of the common samples that have to come closer, and that have to go farther, for another boundary. Where the
same model is audited again, hardly one sample in a hundred moves (``benchmarks/regressions.md``)."""
LOOKS = 5
"""The mean over directions may use up a fifth of the 5 % of error, the directions by themselves half of it."""
BARS = ("data", "route", "profile", "preprocessing")


def verdict(found: Comparison) -> tuple[Outcome, list[Reason]]:
    """The verdict on a comparison whose numbers are complete, and its reasons: the boundary's first."""
    bars = [*_bars(found)]
    losses = [Reason(id=id, count=count) for id, count in _losses(found).items() if count]  # type: ignore[arg-type]
    if bars:
        return "incomparable", [*bars, *losses]
    about = [*_boundary(found)]
    ids = {reason.id for reason in about}
    closer, farther = ({side, f"{side}_on_average"} & ids for side in ("closer", "farther"))
    if "moved" in ids or (closer and farther):
        return "different", [*about, *losses]
    return "closer" if closer else "farther" if farther else "no_difference", [*about, *losses]


def _bars(found: Comparison) -> Iterator[Reason]:
    failed = [flag.id for flag in found.flags if flag.status == "fail"]
    for id in BARS:
        if id in failed:
            yield Reason(id=id, count=1)  # type: ignore[arg-type]
    if set(failed) - set(BARS):
        yield Reason(id="invalid", count=1)
    if not isinstance(found.summary.get(found.ranked_by), ComparedMean):
        yield Reason(id="not_measured", count=1)


def _boundary(found: Comparison) -> Iterator[Reason]:
    """What changed beyond chance in the ranked measure, of which larger is safer."""
    ranked = found.summary[found.ranked_by]
    assert isinstance(ranked, ComparedMean)
    if ranked.worse:
        yield Reason(id="closer", count=ranked.worse)
    if ranked.better:
        yield Reason(id="farther", count=ranked.better)
    d, meaning = ranked.difference, found.definitions[found.ranked_by]
    mean = simultaneous(Interval(d.value, d.low, d.high), LOOKS)
    if mean.low > 0 or mean.high < 0:
        worse = meaning.badness(d.value) > meaning.badness(0.0)
        yield Reason(id="closer_on_average" if worse else "farther_on_average", count=ranked.places)
    moved = found.moved
    if isinstance(moved, Moved) and min(moved.closer, moved.farther) >= BOTH_WAYS * moved.samples:
        yield Reason(id="moved", count=moved.closer + moved.farther)


def _losses(found: Comparison) -> dict[str, int]:
    """How much got worse beside the boundary, by kind."""
    headlines = {id for id, definition in found.definitions.items() if definition.headline} | {found.ranked_by}
    everywhere = [pair.characteristics for pair in found.pairs]
    everywhere += [d.characteristics for pair in found.pairs for d in pair.directions]
    lost = [
        compared for characteristics in everywhere for id, compared in characteristics.items()
        if id in headlines and isinstance(compared.baseline, Measure) and not isinstance(compared.candidate, Measure)
    ]  # fmt: skip
    confusions = Counter(confusion.change for confusion in found.confusions)
    return {
        "accuracy": int(found.accuracy.change == "worse"),
        "recall": sum(c.accuracy.change == "worse" for c in found.per_class),
        "confusions": confusions["new"] + confusions["more"],
        "validity": sum(flag.id.startswith(("worse.", "candidate.")) for flag in found.flags),
        "lost": len(lost),
    }
