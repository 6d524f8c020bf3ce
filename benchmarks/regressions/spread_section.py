"""The section on how much numbers vary: a row for each that a first policy limits, and the greatest of each source."""

from __future__ import annotations

from auditor.policy.first_policy import SPREAD
from benchmarks.regressions.page import Lines, short
from benchmarks.regressions.spread import Ratio, Spread, widest


def spread_section(spreads: dict[str, list[Spread]], seeds: int) -> Lines:
    """How much more numbers vary than their intervals say."""
    yield "## What the limits rest on"
    yield ""
    yield f"Ratio: standard deviation over {seeds} seeds, as a multiple of the deviation that the number's own 95 %"
    yield "interval claims, with the 95 % interval of this ratio. Places: the same over the single directions."
    yield "`init-policy` sets its limits as if every ratio of a source of variation were the one allowed. Accuracy and"
    yield "calibration are taken on the whole test split, which no seed changes; their intervals are about other"
    yield "samples."
    yield ""
    yield "| profile | varies with | measure | mean over seeds | ratio | places | allowed |"
    yield "|---|---|---|---|---|---|---|"
    for profile, some in spreads.items():
        for s in some:
            places = "" if s.places is None else f"{s.places:.2f}"
            name = short(f"{s.look.measure} {s.look.aggregate}".strip())
            yield (
                f"| {profile} | {s.look.source} | {name} | {s.mean:.4g} | {_ratio(s.ratio)} | {places} "
                f"| {SPREAD[s.look.source]:g} |"
            )
    yield ""
    yield "| profile | varies with | greatest ratio | of | allowed |"
    yield "|---|---|---|---|---|"
    for profile, some in spreads.items():
        for source, s in widest(some).items():
            name = short(f"{s.look.measure} {s.look.aggregate}".strip())
            yield f"| {profile} | {source} | {_ratio(s.ratio)} | {name} | {SPREAD[source]:g} |"


def _ratio(ratio: Ratio | None) -> str:
    return "no interval" if ratio is None else f"{ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
