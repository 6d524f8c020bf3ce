"""Means, worst places and the ranking of pairs."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.documents.older_results import better_of
from auditor.documents.ranking_and_summary import ranking, summarise
from auditor.documents.results import (
    Definition,
    Direction,
    Generation,
    Margins,
    Meaning,
    Measure,
    Measured,
    NotMeasured,
    Pair,
    Sources,
    SummaryMeasure,
    Worst,
)

NOTHING = NotMeasured(not_measured="a reason")


def measure(value: float) -> Measure:
    return Measure(value=value, ci_low=value - 1, ci_high=value + 1, n=9, unit="u", scale="number")


def direction(source: int, target: int, **measures: Measured) -> Direction:
    generation = Generation(
        requested=1, adversarial=1, adversarial_of_adversarial=1, boundary=1, success_rate=NOTHING,
        mean_bisection_steps=NOTHING, max_probability_gap=NOTHING, third_class={}, failures={},
    )  # fmt: skip
    return Direction(
        source=source, target=target, sources=Sources(split="train", index=[]), margins={}, flagged=[],
        generation=generation, baselines={}, characteristics=measures, series={}, samples=NOTHING,
    )  # fmt: skip


def pair(a: int, b: int, forth: Measured, back: Measured, id: str = "margin_l2_attack") -> Pair:
    directions = [direction(a, b, **{id: forth}), direction(b, a, **{id: back})]
    return Pair(classes=(a, b), names=(str(a), str(b)), directions=directions, characteristics={"both": forth})


def definition(reading: str, scope: str = "direction") -> Definition:
    return Definition(
        title="t", unit="u", scale="number", **better_of(reading), reading=reading, scope=scope, headline=True,
        formula="", text="", source="",
    )  # fmt: skip


PAIRS = [
    pair(0, 1, measure(5.0), measure(2.0)),
    pair(0, 2, NOTHING, NOTHING),
    pair(1, 2, measure(9.0), measure(1.0)),
    pair(1, 3, measure(3.0), NOTHING),
]


def test_a_pair_is_as_fragile_as_its_nearer_direction_and_unknown_ones_come_last():
    assert ranking(PAIRS, "margin_l2_attack") == [(1, 2), (0, 1), (1, 3), (0, 2)]


def test_ranked_by_the_margin_and_nothing_else():
    found = summarise(PAIRS, {})
    assert (found.ranked_by, found.ranking[0]) == ("margin_l2_attack", (1, 2))
    other = summarise([pair(0, 1, measure(1.0), measure(2.0), id="margin_l2")], {})
    assert other.ranked_by == "margin_l2_attack"
    assert summarise([PAIRS[1]], {}).ranking == [(0, 2)]


@pytest.mark.parametrize(
    ("text", "worst", "value"),
    [("higher is safer", (2, 1), 1.0), ("lower is simpler", (1, 2), 9.0), ("near 3.5 is simpler", (1, 2), 9.0)],
)
def test_the_worst_direction_follows_the_definition(text: str, worst: tuple[int, int], value: float):
    found = summarise(PAIRS, {"margin_l2_attack": definition(text)}).characteristics["margin_l2_attack"]
    assert isinstance(found, SummaryMeasure)
    assert found.worst == Worst(classes=worst, value=value)
    assert found.mean == pytest.approx((5 + 2 + 9 + 1 + 3) / 5)
    # Three directions start from class 1 and depend on each other; those from 0 and 2 stand alone, each with h = 1.
    half = (3**2 + 1 + 1) ** 0.5 / 5
    assert (found.ci_low, found.ci_high) == pytest.approx((4 - half, 4 + half))


def test_measures_of_a_pair_are_taken_from_pairs():
    found = summarise(PAIRS, {"both": definition("lower is more even", "pair")}).characteristics["both"]
    assert isinstance(found, SummaryMeasure)
    assert found.mean == pytest.approx((5 + 9 + 3) / 3)
    assert found.worst == Worst(classes=(1, 2), value=9.0)
    # 01 and 13 both share class 1 with 12 and with each other: all three depend on each other.
    assert (found.ci_low, found.ci_high) == pytest.approx((17 / 3 - 1, 17 / 3 + 1))


def test_one_value_keeps_its_own_interval_and_none_says_so():
    only = summarise([PAIRS[3]], {"margin_l2_attack": definition("higher is safer")})
    found = only.characteristics["margin_l2_attack"]
    assert isinstance(found, SummaryMeasure)
    assert (found.ci_low, found.mean, found.ci_high) == (2.0, 3.0, 4.0)
    none = summarise([PAIRS[1]], {"margin_l2_attack": definition("higher is safer")})
    assert isinstance(none.characteristics["margin_l2_attack"], NotMeasured)


def test_a_measure_of_which_neither_end_is_better_has_no_worst_place():
    found = summarise(PAIRS, {"margin_l2_attack": definition("neither is better")}).characteristics["margin_l2_attack"]
    assert isinstance(found, SummaryMeasure)
    assert found.worst is None


def with_margins(shared: float, seed: int, count: int = 40, targets: int = 6) -> list[Pair]:
    """Directions from class 0: standard normal margins of the same samples, partly alike; their means as measures."""
    rng = np.random.default_rng(seed)
    of_sample, found = rng.normal(size=count), []
    for target in range(1, targets + 1):
        values = 9 + shared**0.5 * of_sample + (1 - shared) ** 0.5 * rng.normal(size=count)
        half = 1.96 * 1.2533 / count**0.5  # of a normal sample's median
        middle = float(np.median(values))
        measured = Measure(value=middle, ci_low=middle - half, ci_high=middle + half, n=count, unit="u", scale="number")
        margins = Margins(
            index=list(range(count)), l2=values.tolist(), linf=[None] * count, tried_l2=None, tried_linf=1.0, method="m"
        )
        forth = direction(0, target, margin_l2_attack=measured).model_copy(update={"margins": {"test": margins}})
        found.append(Pair(classes=(0, target), names=("a", "b"), directions=[forth], characteristics={}))
    return found


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.95])
def test_the_mean_of_margins_of_the_same_samples_is_covered(shared: float):
    hits, draws = 0, 120
    for seed in range(draws):
        summary = summarise(with_margins(shared, seed), {"margin_l2_attack": definition("higher is safer")})
        found = summary.characteristics["margin_l2_attack"]
        assert isinstance(found, SummaryMeasure)
        assert found.ci_low is not None
        assert found.ci_high is not None
        hits += found.ci_low <= 9 <= found.ci_high
    assert hits / draws >= 0.89


def test_the_mean_of_unlike_margins_is_known_better_than_that_of_like_ones():
    def width(shared: float) -> float:
        definitions = {"margin_l2_attack": definition("higher is safer")}
        found = summarise(with_margins(shared, 0, count=400), definitions).characteristics["margin_l2_attack"]
        assert isinstance(found, SummaryMeasure)
        assert found.ci_low is not None
        assert found.ci_high is not None
        return found.ci_high - found.ci_low

    # sqrt((1 + 5 r) / 6) of one number's width for r = 2/pi asin(shared), the correlation of both lying below.
    single = 2 * 1.96 * 1.2533 / 400**0.5
    for shared in (0.0, 0.5, 0.95):
        r = 2 / np.pi * np.arcsin(shared)
        assert width(shared) == pytest.approx(single * ((1 + 5 * r) / 6) ** 0.5, rel=0.2)


def test_how_unfavourable_a_value_is():
    def badness(better: str, value: float, ideal: float | None = None) -> float:
        return Meaning(unit="u", scale="number", better=better, ideal=ideal, reading="").badness(value)

    assert badness("lower", 2.0) > badness("lower", 1.0)
    assert badness("higher", 1.0) > badness("higher", 2.0)
    assert badness("near", 0.1, 0.5) > badness("near", 0.8, 0.5)
    assert badness("none", 1.0) == badness("none", 2.0)
