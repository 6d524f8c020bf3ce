"""``Audit``: the results with the look-ups that every page needs, and no words of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import median

from auditor.documents.results import Definition, Direction, Measure, Measured, Pair, Results, Validity
from auditor.render.names import display_name
from auditor.render.rounding import NO_BREAK

Classes = tuple[int, int]
NAME_LIMIT = 28


@dataclass(frozen=True)
class Found:
    """A measure with the classes where it was taken: (source, target), or the pair."""

    classes: Classes
    measure: Measure


class Audit:
    """Results, and who is where in them."""

    def __init__(self, results: Results) -> None:
        self.results = results

    @cached_property
    def names(self) -> list[str]:
        """Class names as they may be shown, in the model's order."""
        return [display_name(name, NAME_LIMIT) for name in self.results.data.class_names]

    def name(self, index: int) -> str:
        """Name of a class; an index that the data do not name is shown as a number."""
        return self.names[index] if 0 <= index < len(self.names) else str(index)

    @cached_property
    def model_name(self) -> str:
        """File name of the model."""
        return display_name(self.results.model.file)

    @cached_property
    def data_name(self) -> str:
        """Name of the data."""
        return display_name(self.results.data.name)

    @cached_property
    def unseen(self) -> str:
        """What test samples may be called: unseen, or no more than test samples where the tool drew them itself."""
        return "test" if self.results.data.split_by_tool else "unseen"

    @cached_property
    def digest_name(self) -> str:
        """What the model's digest is one of: its file, the parameters of an object, the pickle of an estimator."""
        model = self.results.model
        if not model.in_memory:
            return "SHA-256"
        return f"SHA-256 of its {'pickle' if model.format.lower().startswith('estimator') else 'parameters'}"

    @cached_property
    def broken(self) -> list[Validity]:
        """Checks that failed: with any of them no number is to be relied on."""
        return [flag for flag in self.results.validity if flag.status == "fail"]

    @cached_property
    def possible(self) -> int:
        """Pairs of all classes that the data name."""
        return len(self.names) * (len(self.names) - 1) // 2

    @cached_property
    def part(self) -> bool:
        """Whether only a part of the pairs was audited."""
        return len(self.results.pairs) < self.possible

    @cached_property
    def is_ranked(self) -> bool:
        """Whether the ranking's measure has a value anywhere; otherwise the pairs stand in their own order."""
        return bool(self.found(self.results.summary.ranked_by))

    @cached_property
    def ranked(self) -> list[Pair]:
        """All pairs, most fragile first; pairs that the ranking leaves out come last, in their order."""
        by_classes = {pair.classes: pair for pair in self.results.pairs}
        first = [by_classes[classes] for classes in self.results.summary.ranking if classes in by_classes]
        listed = {pair.classes for pair in first}
        return first + [pair for pair in self.results.pairs if pair.classes not in listed]

    @cached_property
    def with_page(self) -> list[Pair]:
        """The pairs that have a page of their own."""
        return self.ranked[: self.results.settings.report_pairs]

    def anchor(self, classes: Classes) -> str:
        """Where a pair is shown: its own page, or the table of the other pairs."""
        pair = tuple(sorted(classes))
        return anchor(classes) if any(tuple(sorted(p.classes)) == pair for p in self.with_page) else "others"

    @cached_property
    def rank_definition(self) -> Definition | None:
        """What the ranking goes by, if the document defines it."""
        return self.results.definitions.get(self.results.summary.ranked_by)

    @cached_property
    def directions(self) -> dict[Classes, Direction]:
        """Every direction by (source, target)."""
        return {(d.source, d.target): d for pair in self.results.pairs for d in pair.directions}

    @cached_property
    def sought(self) -> list[Direction]:
        """The directions in which boundary instances were sought, as they are not where a pair was only screened."""
        return [d for pair in self.results.pairs if pair.level != "screened" for d in pair.directions]

    @cached_property
    def instances(self) -> int:
        """Boundary instances of all directions."""
        return sum(d.generation.boundary for d in self.directions.values())

    @cached_property
    def definitions(self) -> dict[str, Definition]:
        """All definitions: the ranking's first, then the other headline measures, then the rest in their order."""
        ranked = self.results.summary.ranked_by

        def place(item: tuple[str, Definition]) -> tuple[bool, bool]:
            return item[0] != ranked, not item[1].headline

        return dict(sorted(self.results.definitions.items(), key=place))

    @cached_property
    def baselines(self) -> list[str]:
        """Names of the baselines that any direction has, in its order."""
        return list(dict.fromkeys(name for d in self.directions.values() for name in d.baselines))

    def arrow(self, classes: Classes) -> str:
        """A direction as a label that keeps its arrow on the first line."""
        return f"{self.name(classes[0])}{NO_BREAK}\N{RIGHTWARDS ARROW}{NO_BREAK}{self.name(classes[1])}"

    def dash(self, classes: Classes) -> str:
        """A pair as a label."""
        return f"{self.name(classes[0])}{NO_BREAK}\N{EN DASH}{NO_BREAK}{self.name(classes[1])}"

    def found(self, id: str) -> list[Found]:
        """Every place where a measure has a value: directions, or pairs for a measure of a pair."""
        definition = self.results.definitions.get(id)
        if definition is not None and definition.scope == "pair":
            holders = [(p.classes, p.characteristics) for p in self.results.pairs]
        else:
            holders = [(classes, d.characteristics) for classes, d in self.directions.items()]
        return [Found(c, m) for c, values in holders if isinstance(m := values.get(id), Measure)]

    def at(self, id: str, source: int, target: int) -> Measure | None:
        """A measure of one direction, None where it was not measured."""
        direction = self.directions.get((source, target))
        return measured(direction.characteristics.get(id)) if direction else None

    def of_pair(self, id: str, pair: Pair) -> list[Found]:
        """A measure in both directions of a pair, where it has a value."""
        return [
            Found((d.source, d.target), m)
            for d in pair.directions
            if isinstance(m := d.characteristics.get(id), Measure)
        ]

    def confused(self, classes: Classes) -> tuple[int, int]:
        """Test samples of two classes taken for one another, and all test samples of the two."""
        (a, b), confusion = classes, self.results.performance.confusion
        if max(a, b) >= len(confusion):
            return 0, 0
        return confusion[a][b] + confusion[b][a], sum(confusion[a]) + sum(confusion[b])

    def median(self, id: str) -> float | None:
        """Median of a measure over all places, None without any."""
        values = [found.measure.value for found in self.found(id)]
        return median(values) if values else None

    def nearer(self, pair: Pair) -> Found | None:
        """The less favourable direction of a pair by the ranking's measure, None where neither has it."""
        definition, found = self.rank_definition, self.of_pair(self.results.summary.ranked_by, pair)
        if definition is None or not found:
            return None
        return max(found, key=lambda f: definition.badness(f.measure.value))

    def worst(self, id: str) -> Found | None:
        """The least favourable place of a measure by its definition's direction; None where neither end is better."""
        definition = self.results.definitions.get(id)
        found = self.found(id)
        if definition is None or not found or definition.better == "none":
            return None
        return max(found, key=lambda f: definition.badness(f.measure.value))


def measured(value: Measured | None) -> Measure | None:
    """The measure, or None for what was not measured."""
    return value if isinstance(value, Measure) else None


def anchor(classes: Classes) -> str:
    """Anchor of a pair's page."""
    a, b = sorted(classes)
    return f"pair-{a}-{b}"


def generator_name(audit: Audit, name: str | None = None) -> str:
    """The generator that made the instances, or another one, as it is written in text."""
    name = name or audit.results.settings.generator
    definition = audit.results.generators.get(name)
    return display_name(name if definition is None else definition.title)
