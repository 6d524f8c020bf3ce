"""Results for tests of the gate: the synthetic report's, with numbers set where a test needs them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from auditor.functional.statistics import wilson
from auditor.policy.document import Policy, parse_policy
from auditor.results import Definition, Direction, Measure, Measured, Results
from tests.render.sample_results import DEFINITIONS, synthetic_results

MARGIN = "margin_l2_attack"


def results(**options: Any) -> Results:
    """Six classes without images, all 15 pairs."""
    return synthetic_results(**{"names": list("abcdef"), "images": False} | options)


def policy(rules: str, head: str = "") -> Policy:
    """A policy of these rules."""
    return parse_policy(f"version = 1\n{head}\n{rules}", "policy.toml")


def rule(**keys: Any) -> str:
    """One rule as TOML."""
    lines = (f"{key} = {str(v).lower() if isinstance(v, bool) else repr(v)}" for key, v in keys.items())
    return "[[rules]]\n" + "\n".join(lines) + "\n"


def measure(value: float, half: float, definition: Definition | None = None) -> Measure:
    """A number with a symmetric interval."""
    unit, direction = (definition.unit, definition.direction) if definition else ("share", "higher is better")
    return Measure(value=value, ci_low=value - half, ci_high=value + half, n=100, unit=unit, direction=direction)


def with_accuracy(found: Results, value: Measured) -> Results:
    """The results with another accuracy."""
    return found.model_copy(update={"performance": found.performance.model_copy(update={"accuracy": value})})


def with_measure(found: Results, id: str, of: Callable[[tuple[int, int]], Measured]) -> Results:
    """The results with a measure set in every direction."""

    def changed(characteristics: Mapping[str, Measured], classes: tuple[int, int]) -> dict[str, Measured]:
        return {**characteristics, id: of(classes)}

    pairs = [
        pair.model_copy(
            update={
                "directions": [
                    d.model_copy(update={"characteristics": changed(d.characteristics, (d.source, d.target))})
                    for d in pair.directions
                ]
            }
        )
        for pair in found.pairs
    ]
    return found.model_copy(update={"pairs": pairs})


def with_success(found: Results, classes: tuple[int, int], reached: int) -> Results:
    """The results with another number of 145 sources that reach the boundary in one direction."""
    value, low, high = wilson(reached, 145)
    rate = Measure(value=value, ci_low=low, ci_high=high, n=145, unit="share of sources", direction="higher is better")

    def changed(d: Direction) -> Direction:
        if (d.source, d.target) != classes:
            return d
        return d.model_copy(update={"generation": d.generation.model_copy(update={"success_rate": rate})})

    pairs = [p.model_copy(update={"directions": [changed(d) for d in p.directions]}) for p in found.pairs]
    return found.model_copy(update={"pairs": pairs})


def resampled(found: Results, rng: random.Random, lost: float = 0.0) -> Results:
    """The same model audited again: every margin drawn anew from its own interval, less a share of it."""
    true = {(d.source, d.target): d.characteristics[MARGIN] for pair in found.pairs for d in pair.directions}

    def of(classes: tuple[int, int]) -> Measured:
        m = true[classes]
        assert isinstance(m, Measure)
        return measure(rng.gauss(m.value * (1 - lost), 0.02), 0.02 * 1.96, DEFINITIONS[MARGIN])

    return with_measure(found, MARGIN, of)
