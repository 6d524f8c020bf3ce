"""Intervals that allow for another training: their coverage where training moves a measure, and what stays alone."""

from __future__ import annotations

import copy
import math
import random

import pytest

from auditor.documents.pair_outcomes import DirectionOutcome
from auditor.documents.results import Measure
from auditor.pipeline.pairs.measuring import CharacteristicSuite
from auditor.pipeline.pairs.retraining import allow_for_training
from tests import outcomes

SUITE = CharacteristicSuite.registered("quick")
ID = "margin_l2"


def measure(value: float, half: float, id: str = ID) -> Measure:
    d = SUITE.definitions[id]
    return Measure(value=value, ci_low=value - half, ci_high=value + half, n=64, unit=d.unit, scale=d.scale)


def direction(source: int, target: int, values: list[float], half: float, id: str = ID) -> DirectionOutcome:
    by_generator = {id: values} if len(values) > 1 else {}
    characteristics = {id: measure(sum(values) / len(values), half, id)}
    return outcomes.direction(source, target, characteristics=characteristics, by_generator=by_generator)


def directions(
    rng: random.Random, count: int, generators: int, training: float, sampling: float
) -> list[DirectionOutcome]:
    """Both directions of so many pairs, of true value 2, whose generators are off by these relative deviations."""

    def one(a: int, b: int) -> DirectionOutcome:
        values = [
            2 * math.exp(rng.gauss(0, math.hypot(training, sampling * generators**0.5))) for _ in range(generators)
        ]
        return direction(a, b, values, 1.96 * 2 * sampling)

    return [one(*d) for k in range(count) for d in ((k, k + 100), (k + 100, k))]


def widened(before: list[DirectionOutcome]) -> list[DirectionOutcome]:
    after = copy.deepcopy(before)
    allow_for_training(after, SUITE.definitions)
    return after


@pytest.mark.parametrize(("count", "generators"), [(1, 4), (10, 2), (45, 2)])
def test_intervals_hold_the_mean_over_trainings_nineteen_times_in_twenty(count: int, generators: int) -> None:
    rng, held, plain, total = random.Random(0), 0, 0, 0
    for _ in range(600 // count):
        before = directions(rng, count, generators, training=0.2, sampling=0.03)
        for old, new in zip(before, widened(before), strict=True):
            narrow, wide = old.characteristics[ID], new.characteristics[ID]
            assert isinstance(narrow, Measure)
            assert isinstance(wide, Measure)
            assert wide.value == narrow.value
            held += wide.low <= 2 <= wide.high
            plain += narrow.low <= 2 <= narrow.high
            total += 1
    assert 0.925 <= held / total <= 0.985
    assert plain / total < 0.5


def test_one_generator_leaves_intervals_as_they_are() -> None:
    before = directions(random.Random(0), 3, 1, training=0.2, sampling=0.05)
    assert widened(before) == before


def test_intervals_never_shrink_and_stay_in_bounds() -> None:
    id = "third_class_intrusion"
    forth, back = direction(0, 1, [0.01, 0.3], 0.004, id), direction(1, 0, [0.02, 0.02], 0.02, id)
    for old, new in zip((forth, back), widened([forth, back]), strict=True):
        narrow, wide = old.characteristics[id], new.characteristics[id]
        assert isinstance(narrow, Measure)
        assert isinstance(wide, Measure)
        assert 0 <= wide.low <= narrow.low
        assert narrow.high <= wide.high <= 1


def test_an_open_end_stays_open() -> None:
    made = direction(0, 1, [1.0, 1.5], 0.1)
    made.characteristics[ID] = made.characteristics[ID].model_copy(update={"ci_high": None})
    (wide,) = widened([made])
    assert wide.characteristics[ID].ci_high is None
    assert wide.characteristics[ID].ci_low < 1.15
