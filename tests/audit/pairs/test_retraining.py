"""Intervals that allow for another training: their coverage where training moves a measure, and what stays alone."""

from __future__ import annotations

import math
import random

import pytest

from auditor.audit.pairs.measuring import Battery
from auditor.audit.pairs.retraining import allowing_for_training
from auditor.documents.results import Direction, Generation, Measure, NotMeasured, Pair, Sources

NONE = NotMeasured(not_measured="not part of this test")
COUNTS = Generation(
    requested=0, adversarial=0, adversarial_of_adversarial=0, boundary=0, success_rate=NONE,
    mean_bisection_steps=NONE, max_probability_gap=NONE, third_class={}, failures={},
)  # fmt: skip
BATTERY = Battery.registered("quick")
ID = "margin_l2"


def measure(value: float, half: float, id: str = ID) -> Measure:
    d = BATTERY.definitions[id]
    return Measure(value=value, ci_low=value - half, ci_high=value + half, n=64, unit=d.unit, direction=d.direction)


def direction(source: int, target: int, values: list[float], half: float, id: str = ID) -> Direction:
    return Direction(
        source=source, target=target, sources=Sources(split="train", index=[]), margins={}, flagged=[],
        generation=COUNTS, baselines={}, characteristics={id: measure(sum(values) / len(values), half, id)},
        by_generator={id: values} if len(values) > 1 else {}, series={}, samples=NONE,
    )  # fmt: skip


def pairs(rng: random.Random, count: int, generators: int, training: float, sampling: float) -> list[Pair]:
    """Directions of true value 2 whose generators are off by these relative standard deviations."""

    def one(a: int, b: int) -> Direction:
        values = [
            2 * math.exp(rng.gauss(0, math.hypot(training, sampling * generators**0.5))) for _ in range(generators)
        ]
        return direction(a, b, values, 1.96 * 2 * sampling)

    return [
        Pair(classes=(k, k + 100), names=("a", "b"), characteristics={}, directions=[one(k, k + 100), one(k + 100, k)])
        for k in range(count)
    ]


@pytest.mark.parametrize(("count", "generators"), [(1, 4), (10, 2), (45, 2)])
def test_intervals_hold_the_mean_over_trainings_nineteen_times_in_twenty(count: int, generators: int) -> None:
    rng, held, plain, total = random.Random(0), 0, 0, 0
    for _ in range(600 // count):
        before = pairs(rng, count, generators, training=0.2, sampling=0.03)
        for old, new in zip(before, allowing_for_training(before, BATTERY), strict=True):
            for direction, wide in zip(old.directions, new.directions, strict=True):
                narrow, measured = direction.characteristics[ID], wide.characteristics[ID]
                assert isinstance(narrow, Measure)
                assert isinstance(measured, Measure)
                assert measured.value == narrow.value
                held += measured.low <= 2 <= measured.high
                plain += narrow.low <= 2 <= narrow.high
                total += 1
    assert 0.925 <= held / total <= 0.985
    assert plain / total < 0.5


def test_one_generator_leaves_intervals_as_they_are() -> None:
    before = pairs(random.Random(0), 3, 1, training=0.2, sampling=0.05)
    after = allowing_for_training(before, BATTERY)
    assert [p.directions for p in after] == [p.directions for p in before]


def test_intervals_never_shrink_and_stay_in_bounds() -> None:
    id = "third_class_intrusion"
    forth, back = direction(0, 1, [0.01, 0.3], 0.004, id), direction(1, 0, [0.02, 0.02], 0.02, id)
    (pair,) = allowing_for_training(
        [Pair(classes=(0, 1), names=("a", "b"), characteristics={}, directions=[forth, back])], BATTERY
    )
    for old, new in zip((forth, back), pair.directions, strict=True):
        narrow, wide = old.characteristics[id], new.characteristics[id]
        assert isinstance(narrow, Measure)
        assert isinstance(wide, Measure)
        assert 0 <= wide.low <= narrow.low
        assert narrow.high <= wide.high <= 1


def test_an_open_end_stays_open() -> None:
    made = direction(0, 1, [1.0, 1.5], 0.1)
    open_end = made.characteristics[ID].model_copy(update={"ci_high": None})
    made = made.model_copy(update={"characteristics": {ID: open_end}})
    (pair,) = allowing_for_training(
        [Pair(classes=(0, 1), names=("a", "b"), characteristics={}, directions=[made, made])], BATTERY
    )
    assert pair.directions[0].characteristics[ID].ci_high is None
