"""Intervals that hold for another training of the generator too, from the spread between a direction's generators.

A direction's K generators share nothing but the model and the class pair: each is trained from a start of its own on a
part of the sources. With y_k the measure on the instances of generator k, on a scale g,

    s^2 = sum over directions and k of (y_k - mean y)^2 / f,   f = sum over directions of (K - 1)
    half-width of the value's interval = t(0.975, f) * s / sqrt(K)

s^2 holds what another training changes and what another draw of that generator's sources changes, so the wider of this
interval and the one over instances is taken, end by end. Pooling over directions makes s^2 known well from two
generators each. g is the logarithm for distances and ratios, whose spread goes with their size, and nothing for shares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from auditor.documents.pair_outcomes import DirectionOutcome
from auditor.documents.results import Definition, Measure, Measured
from auditor.numbers.intervals import LEVEL, student

Scale = tuple[Callable[[float], float], Callable[[float], float]]
PLAIN: Scale = (lambda value: value, lambda value: value)
LOGARITHM: Scale = (math.log, math.exp)
FEW_STEPS: Scale = (lambda value: math.log(value + 1e-3), lambda scaled: math.exp(scaled) - 1e-3)
"""Of shares near zero whose spread goes with their size, as IDC's does."""


def allow_for_training(directions: Sequence[DirectionOutcome], definitions: Mapping[str, Definition]) -> None:
    """Widen the intervals of directions to allow for another training, where several generators show what it changes.

    Args:
        directions: of the whole audit.
        definitions: of every measure, by id.
    """
    spreads = {id: s for id, d in definitions.items() if (s := _spread(directions, id, d)) is not None}
    for direction in directions:
        for id in spreads.keys() & direction.by_generator.keys() & direction.characteristics.keys():
            measure, count = direction.characteristics[id], len(direction.by_generator[id])
            direction.characteristics[id] = _widened(measure, count, definitions[id], *spreads[id])


def scale_of(definition: Definition) -> Scale:
    """The scale on which the spread is alike over directions: logarithms where it goes with the size."""
    return {"rate": FEW_STEPS, "distance": LOGARITHM, "ratio": LOGARITHM}.get(definition.scale, PLAIN)


def _spread(directions: Sequence[DirectionOutcome], id: str, definition: Definition) -> tuple[float, int] | None:
    """s and f of a measure; None where no direction has it of two generators."""
    to, _ = scale_of(definition)
    squares, freedom = 0.0, 0
    for direction in directions:
        values = direction.by_generator.get(id, [])
        if len(values) < 2 or (to is math.log and min(values) <= 0):
            continue
        scaled = [to(value) for value in values]
        squares += sum((y - fmean(scaled)) ** 2 for y in scaled)
        freedom += len(values) - 1
    return (math.sqrt(squares / freedom), freedom) if freedom else None


def _widened(measure: Measured, generators: int, definition: Definition, spread: float, freedom: int) -> Measured:
    if not isinstance(measure, Measure):
        return measure
    to, back = scale_of(definition)
    if to is math.log and measure.value <= 0:
        return measure
    half = student((1 + LEVEL) / 2, freedom) * spread / math.sqrt(generators)
    low, high = back(to(measure.value) - half), back(to(measure.value) + half)
    least, most = definition.bounds
    low, high = max(low, -math.inf if least is None else least), min(high, math.inf if most is None else most)
    return definition.measure(measure.value, min(low, measure.low), max(high, measure.high), measure.n)
