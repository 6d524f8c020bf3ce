"""The pairs: each once with both directions, counts that follow from each other, margins and what is said of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from auditor.documents.agreement.numbers import (
    Contradiction,
    close,
    equal_lengths,
    interval,
    measured,
    places,
    share,
    within,
)
from auditor.documents.results import (
    ASYMMETRIES,
    SUCCESS_RATE,
    Baseline,
    Definition,
    Direction,
    Generation,
    Margins,
    Measure,
    Measured,
    Pair,
    Results,
    SampleGrid,
    Series,
    StripSeries,
)

SHARE = (0.0, 1.0)
QUANTILES = {"": 0.5, "_q05": 0.05, "_q95": 0.95}


def pairs(results: Results) -> Iterator[Contradiction]:
    """Everything below ``pairs``."""
    names, seen = results.data.class_names, set[tuple[int, int]]()
    labels = {
        split: dict(zip(table.index, table.label, strict=True))
        for split, table in (("test", results.samples.test), ("train", results.samples.train))
    }
    for pair in results.pairs:
        a, b = pair.classes
        where = f"pairs {a}:{b}"
        if not 0 <= a < b < len(names):
            yield Contradiction(where, f"two classes below {len(names)}, the smaller first", "another")
            return
        if pair.classes in seen:
            yield Contradiction(where, "once", "it twice")
        seen.add(pair.classes)
        if pair.names != (names[a], names[b]):
            yield Contradiction(where, "named as data.class_names names them", "another name")
        if [(d.source, d.target) for d in pair.directions] != [(a, b), (b, a)]:
            yield Contradiction(where, f"with the directions {a}:{b} and {b}:{a}", "others")
            return
        yield from _characteristics(where, pair.characteristics, results.definitions, "pair")
        yield from _asymmetry(where, pair)
        for direction in pair.directions:
            yield from _direction(direction, results, labels, full=pair.level == "full")


def _direction(
    direction: Direction, results: Results, labels: Mapping[str, Mapping[int, int]], *, full: bool
) -> Iterator[Contradiction]:
    where, sizes = f"direction {direction.source}:{direction.target}", results.data.splits.model_dump()
    classes = len(results.data.class_names)
    yield from _characteristics(where, direction.characteristics, results.definitions, "direction")
    yield from _generation(where, direction.generation, direction, classes)
    yield from _third_class(where, direction.generation, direction.characteristics)
    for name, baseline in direction.baselines.items():
        if isinstance(baseline, Baseline):
            said = f"baseline {name[:60]} of {where}"
            yield from _characteristics(said, baseline.characteristics, results.definitions, "direction")
            yield from _generation(said, baseline.generation, direction, classes)
            yield from _third_class(said, baseline.generation, baseline.characteristics)
    used = [("sources", direction.sources.split, direction.sources.index)]
    used += [("margins", split, margins.index) for split, margins in direction.margins.items()]
    used += [("flagged", flagged.split, flagged.index) for flagged in direction.flagged]
    for what, split, index in used:
        yield from places(f"{what} of {where}", index, sizes[split])
        if any(labels[split].get(place) != direction.source for place in index):
            yield Contradiction(
                f"{what} of {where}", f"samples of class {direction.source} in samples.{split}", "another"
            )
    for split, margins in direction.margins.items():
        yield from _margins(f"margins of {where}", margins)
        yield from _quantiles(
            where, direction.characteristics, margins, "_train" if split == "train" else "", full=full
        )
    for id, values in direction.by_generator.items():
        if id not in direction.characteristics or len(values) > 1000:
            yield Contradiction(f"by_generator of {where}", "measures of it", f"{id[:60]!r}")
    yield from _series_and_images(where, direction, classes)


def _characteristics(
    where: str, found: Mapping[str, Measured], definitions: Mapping[str, Definition], scope: str
) -> Iterator[Contradiction]:
    """Measures that are defined, and as their definition says."""
    for id, measure in found.items():
        definition = definitions.get(id)
        if definition is None or definition.scope != scope:
            yield Contradiction(where, f"measures of a {scope} that definitions name", f"{id[:60]!r}")
            continue
        yield from measured(f"{id[:60]} of {where}", measure, definition)


def _generation(where: str, found: Generation, direction: Direction, classes: int) -> Iterator[Contradiction]:
    """No stage has more than the one before it, and all that did not arrive has its reason."""
    stages = [found.requested, found.adversarial, found.adversarial_of_adversarial, found.boundary]
    if stages != sorted(stages, reverse=True) or not 0 <= found.jumps <= found.boundary or found.boundary < 0:
        yield Contradiction(f"generation of {where}", "counts that only fall from stage to stage", str(stages)[:80])
        return
    for name, counts in (("third_class", found.third_class), ("failures", found.failures), ("rescued", found.rescued)):
        if any(count < 0 for count in counts.values()):
            yield Contradiction(f"generation.{name} of {where}", "counts of 0 or more", "a negative one")
    if found.boundary + sum(found.failures.values()) != found.requested:
        said = f"{found.requested - found.boundary}, for all that did not arrive"
        yield Contradiction(f"generation.failures of {where}", said, f"{sum(found.failures.values())}")
    if sum(found.rescued.values()) > found.boundary:
        yield Contradiction(f"generation.rescued of {where}", f"at most {found.boundary}", "more")
    others = {str(index) for index in range(classes)} - {str(direction.source), str(direction.target)}
    if not found.third_class.keys() <= others or sum(found.third_class.values()) > found.adversarial_of_adversarial:
        yield Contradiction(f"generation.third_class of {where}", "third classes of its bisections", "others")
    rate = found.success_rate
    yield from measured(f"success rate of {where}", rate, SUCCESS_RATE)
    yield from share(f"success rate of {where}", rate, found.boundary, found.requested)
    if isinstance(found.mean_bisection_steps, float) and not 0 <= found.mean_bisection_steps < 1e6:
        yield Contradiction(f"bisection steps of {where}", "0 or more", f"{found.mean_bisection_steps:g}")
    if isinstance(found.max_probability_gap, float):
        yield from interval(f"largest probability gap of {where}", found.max_probability_gap, 0.0, 1.0)


def _third_class(where: str, found: Generation, characteristics: Mapping[str, Measured]) -> Iterator[Contradiction]:
    measure, started = characteristics.get("third_class_intrusion"), found.adversarial_of_adversarial
    lost = sum(found.third_class.values())
    if isinstance(measure, Measure) and (measure.n != started or not close(measure.value * started, lost)):
        yield Contradiction(
            f"third_class_intrusion of {where}", f"{lost} of {started}", f"{measure.value:g} of {measure.n}"
        )


def _margins(where: str, margins: Margins) -> Iterator[Contradiction]:
    """A margin is 0 or more, or nothing was found."""
    yield from equal_lengths(where, [margins.index, margins.l2, margins.linf])
    numbers = [n for n in (*margins.l2, *margins.linf, margins.tried_l2, margins.tried_linf) if n is not None]
    if not all(0 <= number <= 1e15 for number in numbers):
        yield Contradiction(where, "distances", "a number that is none")


def _quantiles(
    where: str, found: Mapping[str, Measured], margins: Margins, ending: str, *, full: bool
) -> Iterator[Contradiction]:
    """Quantiles of margins, and at the full level the share of samples elsewhere, are those of the margins listed."""
    for norm in ("l2", "linf"):
        values = [math.inf if value is None else value for value in getattr(margins, norm)]
        for suffix, level in QUANTILES.items():
            id = f"margin_{norm}_attack{ending}{suffix}"
            measure = found.get(id)
            if not isinstance(measure, Measure) or not values:
                continue
            expected = quantile(values, level)
            if measure.n != len(values) or not close(measure.value, expected, 1e-4):
                said = f"{expected:.4g}, the quantile of {len(values)} margins"
                yield Contradiction(f"{id} of {where}", said, f"{measure.value:.4g} of {measure.n}")
    id, elsewhere = f"already_wrong{ending}", sum(value == 0 for value in margins.l2)
    if full and (wrong := found.get(id)) is not None:
        yield from share(f"{id} of {where}", wrong, elsewhere, len(margins.l2))


def quantile(values: Sequence[float], level: float) -> float:
    """A quantile, linearly interpolated, of numbers that may be infinite.

    >>> quantile([1.0, 2.0, 4.0], 0.75)
    3.0
    """
    ordered, place = sorted(values), level * (len(values) - 1)
    below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
    return below if below == above else below + (place - math.floor(place)) * (above - below)


def _asymmetry(where: str, pair: Pair) -> Iterator[Contradiction]:
    """A relative difference of the two directions is that of its measure."""
    for id, of in ASYMMETRIES.items():
        both = pair.characteristics.get(id)
        if not isinstance(both, Measure):
            continue
        there, back = (d.characteristics.get(of) for d in pair.directions)
        expected = math.nan
        if isinstance(there, Measure) and isinstance(back, Measure) and there.value + back.value > 0:
            expected = abs(there.value - back.value) / (there.value + back.value)
        if not close(both.value, expected, 1e-4):
            yield Contradiction(f"{id[:60]} of {where}", f"{expected:.4g}, as of its directions", f"{both.value:.4g}")


def _series_and_images(where: str, direction: Direction, classes: int) -> Iterator[Contradiction]:
    """Classes and probabilities behind the figures are some."""
    for series in direction.series.values():
        yield from strips(f"series of {where}", series, classes)
    if isinstance(direction.samples, SampleGrid):
        tops = [top for row in direction.samples.rows for cell in row.cells for top in cell.top]
        if any(not 0 <= top.index < classes or not within(top.probability, SHARE) for top in tops):
            yield Contradiction(f"samples of {where}", f"probabilities of classes below {classes}", "another")
        if any(not 0 <= row.distance <= 1e15 for row in direction.samples.rows):
            yield Contradiction(f"samples of {where}", "distances", "a number that is none")


def strips(where: str, series: Series, classes: int) -> Iterator[Contradiction]:
    """Predicted classes along paths are some of the model's, on paths of one length."""
    if not isinstance(series, StripSeries):
        return
    if any(not 0 <= index < classes for row in series.rows for index in row):
        yield Contradiction(where, f"classes below {classes}", "another")
    if len({len(row) for row in series.rows}) > 1 or not all(len(row) >= 2 for row in series.rows):
        yield Contradiction(where, "paths of one length, of two steps at least", "others")
