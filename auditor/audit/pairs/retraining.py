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

from auditor.audit.pairs.measuring import Battery
from auditor.documents.results import Definition, Direction, Measure, Measured, Pair
from auditor.functional.statistics import student

LEVEL = 0.95
Scale = tuple[Callable[[float], float], Callable[[float], float]]
PLAIN: Scale = (lambda value: value, lambda value: value)
LOGARITHM: Scale = (math.log, math.exp)
FEW_STEPS: Scale = (lambda value: math.log(value + 1e-3), lambda scaled: math.exp(scaled) - 1e-3)
"""Of shares near zero whose spread goes with their size, as IDC's does."""


def allowing_for_training(pairs: Sequence[Pair], battery: Battery) -> list[Pair]:
    """The pairs with intervals that allow for another training, where more than one generator shows what it changes."""
    directions = [direction for pair in pairs for direction in pair.directions]
    spreads = {
        id: spread for id, d in battery.definitions.items() if (spread := _spread(directions, id, d)) is not None
    }

    def of(direction: Direction) -> Direction:
        measures = {
            id: _widened(measure, len(direction.by_generator[id]), battery.definitions[id], *spreads[id])
            if id in spreads and id in direction.by_generator
            else measure
            for id, measure in direction.characteristics.items()
        }
        return direction.model_copy(update={"characteristics": measures})

    widened = []
    for pair in pairs:
        forth, back = (of(direction) for direction in pair.directions)
        both = battery.compare(forth.characteristics, back.characteristics)
        widened.append(pair.model_copy(update={"directions": [forth, back], "characteristics": both}))
    return widened


def scale_of(definition: Definition) -> Scale:
    """The scale on which the spread is alike over directions: logarithms but for shares and those bounded by 1."""
    if definition.unit == "share of steps":
        return FEW_STEPS
    return PLAIN if definition.unit.startswith(("share", "d / (1 + d)")) else LOGARITHM


def _spread(directions: Sequence[Direction], id: str, definition: Definition) -> tuple[float, int] | None:
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
    half = student(1 - (1 - LEVEL) / 2, freedom) * spread / math.sqrt(generators)
    low, high = back(to(measure.value) - half), back(to(measure.value) + half)
    least, most = definition.bounds
    low, high = max(low, -math.inf if least is None else least), min(high, math.inf if most is None else most)
    ends: Mapping[str, float | None] = {
        "ci_low": None if measure.ci_low is None else min(low, measure.ci_low),
        "ci_high": None if measure.ci_high is None else max(high, measure.ci_high),
    }
    return measure.model_copy(update=dict(ends))
