"""``Sides``: the comparison with the look-ups that every part of its page needs, and no words of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from auditor.documents.comparison import Compared, ComparedDirection, ComparedMean, Comparison, KeptDirection
from auditor.documents.results import Definition, Measure, NotMeasured
from auditor.render.names import display_name
from auditor.render.rounding import MINUS, NO_BREAK, Shown, shown
from auditor.render.view.lookups import NAME_LIMIT, Classes
from auditor.render.view.seriation import order


@dataclass(frozen=True)
class Place:
    """A direction or a pair with what both audits found there."""

    classes: Classes
    compared: Compared


class Sides:
    """A comparison, and who is where in it."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison

    @cached_property
    def names(self) -> list[str]:
        """Class names as they may be shown."""
        return [display_name(name, NAME_LIMIT) for name in self.comparison.candidate.data.class_names]

    @cached_property
    def candidate(self) -> str:
        """File name of the candidate."""
        return display_name(self.comparison.candidate.model.file)

    @cached_property
    def baseline(self) -> str:
        """File name of the baseline."""
        return display_name(self.comparison.baseline.model.file)

    @cached_property
    def definitions(self) -> dict[str, Definition]:
        """Measures that both sides have somewhere: the ranking's first, then the headline ones, then the rest."""
        found, ranked = self.comparison, self.comparison.ranked_by
        have = {id: d for id, d in found.definitions.items() if isinstance(found.summary.get(id), ComparedMean)}
        return dict(sorted(have.items(), key=lambda item: (item[0] != ranked, not item[1].headline)))

    @cached_property
    def headlines(self) -> dict[str, Definition]:
        """The measures that maps and words are about."""
        return {id: d for id, d in self.definitions.items() if d.headline or id == self.comparison.ranked_by}

    @cached_property
    def directions(self) -> list[ComparedDirection]:
        """All directions, those of the pair that got most fragile first."""
        return [direction for pair in self.comparison.pairs for direction in pair.directions]

    @cached_property
    def kept(self) -> list[KeptDirection]:
        """Where the baseline's boundary instances lie for the candidate, the least kept direction first."""
        found = self.comparison.boundary_kept
        measured = [] if isinstance(found, NotMeasured) else [d for d in found if isinstance(d.kept, Measure)]
        inside = [d for d in measured if max(d.source, d.target) < len(self.names)]
        return sorted(inside, key=lambda d: (d.kept.value if isinstance(d.kept, Measure) else 2.0, d.source, d.target))

    @cached_property
    def kept_in_all(self) -> tuple[int, int] | None:
        """How many of all the baseline's boundary instances are kept, of how many; None where nobody asked."""
        measures = [d.kept for d in self.kept if isinstance(d.kept, Measure)]
        if not measures:
            return None
        return sum(round(m.value * m.n) for m in measures), sum(m.n for m in measures)

    def places(self, id: str) -> list[Place]:
        """Every place of a measure, those of the pair that got most fragile first."""
        definition = self.comparison.definitions.get(id)
        if definition is not None and definition.scope == "pair":
            return [Place(p.classes, p.characteristics[id]) for p in self.comparison.pairs if id in p.characteristics]
        return [Place((d.source, d.target), d.characteristics[id]) for d in self.directions if id in d.characteristics]

    def arrow(self, classes: Classes) -> str:
        """A direction as a label."""
        return NO_BREAK.join((self.names[classes[0]], "\N{RIGHTWARDS ARROW}", self.names[classes[1]]))

    def dash(self, classes: Classes) -> str:
        """A pair as a label."""
        return NO_BREAK.join((self.names[classes[0]], "\N{EN DASH}", self.names[classes[1]]))

    def label(self, id: str, classes: Classes) -> str:
        """A place of a measure as a label."""
        return self.dash(classes) if self.comparison.definitions[id].scope == "pair" else self.arrow(classes)

    @cached_property
    def classes(self) -> list[int]:
        """Classes in a pair, those with a close boundary in the baseline together."""
        involved = sorted({c for pair in self.comparison.pairs for c in pair.classes})
        distances: dict[Classes, float] = {}
        for place in self.places(self.comparison.ranked_by):
            if isinstance(place.compared.baseline, Measure):
                a, b = sorted(place.classes)
                value = place.compared.baseline.value
                distances[a, b] = min(value, distances.get((a, b), value))
        return order(involved, distances) if len(involved) <= 20 else involved


def signed(measure: Measure) -> Shown:
    """A difference as text, with a plus sign where it is positive."""
    text = shown(measure)
    plus = "+" if measure.value > 0 and not text.value.startswith(MINUS) and text.value.strip("0.,") else ""
    return Shown(plus + text.value, text.interval, text.unit)
