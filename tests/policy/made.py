"""Results for tests of the gate: the synthetic report's, with numbers set where a test needs them."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from auditor.documents.results import (
    ACCURACY,
    SUCCESS_RATE,
    Definition,
    Direction,
    Measure,
    Measured,
    NotMeasured,
    Results,
)
from auditor.numbers.intervals import wilson
from auditor.policy.document import Policy, parse_policy
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
    return (definition or ACCURACY).measure(value, value - half, value + half, 100)


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
    rate = SUCCESS_RATE.measure(value, low, high, 145)

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


def with_margins(
    found: Results, of: Callable[[tuple[int, int], list[float]], list[float | None]], split: str = "test"
) -> Results:
    """The results with other margins of single samples, and their median as the direction's measure.

    Args:
        of: from a direction and its margins to the new ones, in the same order; None where nothing is found.
    """

    def changed(d: Direction) -> Direction:
        before = d.margins[split]  # type: ignore[index]
        values = of((d.source, d.target), [value or 0.0 for value in before.l2])
        margins = before.model_copy(update={"l2": values, "linf": values, "tried_l2": 9.0, "tried_linf": 9.0})
        id = MARGIN if split == "test" else f"{MARGIN}_train"
        middle = statistics.median(math.inf if value is None else value for value in values)
        lost = NotMeasured(not_measured="farther than 9")
        value = measure(middle, 0.1 * middle, DEFINITIONS[id]) if middle < math.inf else lost
        update = {"margins": {**d.margins, split: margins}, "characteristics": {**d.characteristics, id: value}}
        return d.model_copy(update=update)

    pairs = [p.model_copy(update={"directions": [changed(d) for d in p.directions]}) for p in found.pairs]
    return found.model_copy(update={"pairs": pairs})


def scaled(found: Results, factors: Mapping[tuple[int, int], float]) -> Results:
    """The results with the margins of some directions times a factor, in both splits."""
    for split in ("test", "train"):
        found = with_margins(found, lambda c, old: [factors.get(c, 1.0) * value for value in old], split)
    return found


def apart(found: Results) -> Results:
    """The same numbers of other samples: no place in a split is one of the original's."""

    def shifted(part: Any) -> Any:
        return part.model_copy(update={"index": [index + 100_000 for index in part.index]})

    pairs = [
        pair.model_copy(
            update={
                "directions": [
                    d.model_copy(update={"margins": {split: shifted(m) for split, m in d.margins.items()}})
                    for d in pair.directions
                ]
            }
        )
        for pair in found.pairs
    ]
    samples = found.samples.model_copy(update={"test": shifted(found.samples.test)})
    return found.model_copy(update={"pairs": pairs, "samples": samples})


def with_predictions(found: Results, of: Callable[[int, int], int | None]) -> Results:
    """The results with other predictions of the test samples, and accuracy and confusions as they follow.

    Args:
        of: from a label and the number of the sample within its class to the prediction.
    """
    table, classes = found.samples.test, len(found.data.class_names)
    seen: Counter[int] = Counter()
    predicted = []
    for label in table.label:
        predicted.append(of(label, seen[label]))
        seen[label] += 1
    confusion = [[0] * classes for _ in range(classes)]
    for label, answer in zip(table.label, predicted, strict=True):
        if answer is not None:
            confusion[label][answer] += 1
    right = [(confusion[c][c], seen[c]) for c in range(classes)]
    performance = found.performance.model_copy(
        update={
            "confusion": confusion,
            "accuracy": _accuracy(sum(k for k, _ in right), sum(n for _, n in right)),
            "per_class": [
                of_class.model_copy(update={"accuracy": _accuracy(*right[of_class.index])})
                for of_class in found.performance.per_class
            ],
        }
    )
    samples = found.samples.model_copy(update={"test": table.model_copy(update={"predicted": predicted})})
    return found.model_copy(update={"performance": performance, "samples": samples})


def _accuracy(right: int, n: int) -> Measure:
    value, low, high = wilson(right, n)
    return Measure(value=value, ci_low=low, ci_high=high, n=n, unit="share of test samples", scale="share")
