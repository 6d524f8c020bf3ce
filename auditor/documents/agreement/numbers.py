"""What one number must agree with: its own interval, its count, its definition."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.documents.results import Bounds, Meaning, Measure, Measured, NotMeasured
from auditor.numbers.intervals import wilson

LARGEST = 1e15
"""No number of an audit is larger; arithmetic on such numbers stays far from infinity."""
CLOSE = 1e-6
"""Relative difference that rounding to six digits may leave between a number and what it follows from."""


@dataclass(frozen=True)
class Contradiction:
    """Something that does not follow: where it stands, what was expected there and what was found."""

    where: str
    expected: str
    found: str


def close(a: float, b: float, relative: float = CLOSE) -> bool:
    """Whether two numbers are equal but for rounding."""
    return math.isclose(a, b, rel_tol=relative, abs_tol=1e-9)


def interval(where: str, value: float, low: float | None, high: float | None) -> Iterator[Contradiction]:
    """The interval holds the value; both are of a size that an audit can measure."""
    ends = [end for end in (low, high) if end is not None]
    if max(map(abs, (value, *ends))) > LARGEST:
        yield Contradiction(where, f"of a size below {LARGEST:g}", f"{value:g}")
    slack = CLOSE * abs(value) + 1e-12
    if (low is not None and low > value + slack) or (high is not None and high < value - slack):
        yield Contradiction(where, "inside its interval", f"{value:g} and {_shown(low, high)}")


def measured(where: str, measure: Measured, definition: Meaning) -> Iterator[Contradiction]:
    """A measure in the unit, on the scale and between the bounds of its meaning, of at least one observation."""
    if not isinstance(measure, Measure):
        return
    yield from interval(where, measure.value, measure.ci_low, measure.ci_high)
    if measure.n < 1:
        yield Contradiction(where, "of at least one observation", f"n {measure.n}")
    if measure.n > LARGEST:
        yield Contradiction(where, f"of fewer than {LARGEST:g} observations", "more")
    if (measure.unit, measure.scale) != (definition.unit, definition.scale):
        said = f"in {definition.unit}, a {definition.scale}"
        yield Contradiction(where, said, f"{measure.unit[:60]}, a {measure.scale}")
    for number in (measure.value, measure.ci_low, measure.ci_high):
        if number is not None and not within(number, definition.bounds):
            yield Contradiction(where, f"between {definition.bounds[0]} and {definition.bounds[1]}", f"{number:g}")


def meaning(where: str, found: Meaning) -> Iterator[Contradiction]:
    """Bounds between which numbers can lie, and an ideal of a size that can be measured."""
    low, high = found.bounds
    if found.ideal is not None and abs(found.ideal) > LARGEST:
        yield Contradiction(f"{where}.ideal", f"of a size below {LARGEST:g}", f"{found.ideal:g}")
    if low is not None and high is not None and low >= high:
        yield Contradiction(where, "a lower bound below the upper", f"{low:g} and {high:g}")


def within(number: float, bounds: Bounds) -> bool:
    """Whether a number lies between bounds, but for rounding."""
    low, high = bounds
    slack = CLOSE * max(1.0, abs(number))
    return (low is None or number >= low - slack) and (high is None or number <= high + slack)


def share(where: str, measure: Measured, part: int, whole: int) -> Iterator[Contradiction]:
    """A share is that of its counts, with Wilson's interval; not measured where there is nothing to count."""
    if isinstance(measure, NotMeasured):
        if whole:
            yield Contradiction(where, f"{part} of {whole}", "a number that was not measured")
        return
    if not whole:
        yield Contradiction(where, "not measured, for there is nothing to count", f"{measure.value:g}")
    elif measure.n != whole or not close(measure.value, part / whole):
        yield Contradiction(where, f"{part} of {whole}", f"{measure.value:g} of {measure.n}")
    else:
        _, low, high = wilson(part, whole)
        if not (close(measure.low, low, 1e-4) and close(measure.high, high, 1e-4)):
            said = f"between {low:.4g} and {high:.4g} (Wilson's interval of {part} of {whole})"
            yield Contradiction(where, said, _shown(measure.ci_low, measure.ci_high))


def places(where: str, index: Sequence[int], size: int) -> Iterator[Contradiction]:
    """Different places of samples in a split of that size."""
    if len(set(index)) < len(index):
        yield Contradiction(where, "each sample once", "one twice")
    if index and not 0 <= min(index) <= max(index) < size:
        outside = min(index) if min(index) < 0 else max(index)
        yield Contradiction(where, f"samples of a split of {size}", f"sample {_bounded(outside)}")


def equal_lengths(where: str, columns: Sequence[Sequence[object]]) -> Iterator[Contradiction]:
    """Columns of a table, all as long as the first."""
    if len({len(column) for column in columns}) > 1:
        yield Contradiction(where, "columns of one length", f"lengths {', '.join(str(len(c)) for c in columns)}")


def _shown(low: float | None, high: float | None) -> str:
    ends = ("open" if end is None else f"{end:.4g}" for end in (low, high))
    return f"the interval {' to '.join(ends)}"


def _bounded(number: int) -> str:
    return str(number) if abs(number) < LARGEST else "of a number with too many digits"
