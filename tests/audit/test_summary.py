"""Means, worst places and the ranking of pairs."""

from __future__ import annotations

import pytest

from auditor.audit.summary import ranking, summarise
from auditor.results import (
    Definition,
    Direction,
    Generation,
    Measure,
    Measured,
    NotMeasured,
    Pair,
    Sources,
    SummaryMeasure,
    harm,
)

NOTHING = NotMeasured(not_measured="a reason")


def measure(value: float) -> Measure:
    return Measure(value=value, ci_low=value - 1, ci_high=value + 1, n=9, unit="u", direction="higher is safer")


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


def definition(direction: str, scope: str = "direction") -> Definition:
    return Definition(
        title="t", unit="u", direction=direction, bounds=(None, None), scope=scope, headline=True, formula="",
        text="", source="",
    )  # fmt: skip


PAIRS = [
    pair(0, 1, measure(5.0), measure(2.0)),
    pair(0, 2, NOTHING, NOTHING),
    pair(1, 2, measure(9.0), measure(1.0)),
    pair(1, 3, measure(3.0), NOTHING),
]


def test_a_pair_is_as_fragile_as_its_nearer_direction_and_unknown_ones_come_last():
    assert ranking(PAIRS, "margin_l2_attack") == [(1, 2), (0, 1), (1, 3), (0, 2)]


def test_ranked_by_the_first_measure_that_there_is():
    found = summarise(PAIRS, {}, 0)
    assert (found.ranked_by, found.ranking[0]) == ("margin_l2_attack", (1, 2))
    other = summarise([pair(0, 1, measure(1.0), measure(2.0), id="margin_l2")], {}, 0)
    assert other.ranked_by == "margin_l2"
    assert summarise([PAIRS[1]], {}, 0).ranking == [(0, 2)]


@pytest.mark.parametrize(
    ("text", "worst", "value"),
    [("higher is safer", (2, 1), 1.0), ("lower is simpler", (1, 2), 9.0), ("near 3.5 is simpler", (1, 2), 9.0)],
)
def test_the_worst_direction_follows_the_definition(text: str, worst: tuple[int, int], value: float):
    found = summarise(PAIRS, {"margin_l2_attack": definition(text)}, 0).characteristics["margin_l2_attack"]
    assert isinstance(found, SummaryMeasure)
    assert (found.worst.classes, found.worst.value) == (worst, value)
    assert found.mean == pytest.approx((5 + 2 + 9 + 1 + 3) / 5)
    assert 1 <= found.ci_low < found.mean < found.ci_high <= 9


def test_measures_of_a_pair_are_taken_from_pairs():
    found = summarise(PAIRS, {"both": definition("lower is more even", "pair")}, 0).characteristics["both"]
    assert isinstance(found, SummaryMeasure)
    assert found.mean == pytest.approx((5 + 9 + 3) / 3)
    assert found.worst.classes == (1, 2)


def test_one_value_keeps_its_own_interval_and_none_says_so():
    only = summarise([PAIRS[3]], {"margin_l2_attack": definition("higher is safer")}, 0)
    found = only.characteristics["margin_l2_attack"]
    assert isinstance(found, SummaryMeasure)
    assert (found.ci_low, found.mean, found.ci_high) == (2.0, 3.0, 4.0)
    none = summarise([PAIRS[1]], {"margin_l2_attack": definition("higher is safer")}, 0)
    assert isinstance(none.characteristics["margin_l2_attack"], NotMeasured)


def test_how_unfavourable_a_value_is():
    assert harm("lower is simpler", 2.0) > harm("lower is simpler", 1.0)
    assert harm("higher is safer", 1.0) > harm("higher is safer", 2.0)
    assert harm("near 0.5 is simpler", 0.1) > harm("near 0.5 is simpler", 0.8)
