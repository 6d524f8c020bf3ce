"""The page of a ranked pair: headline, images, margins, traces, projection, and every measure of it."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.render.names import display_text
from auditor.render.rounding import count, shown, unit_words, value_text
from auditor.render.view.audit import Audit, anchor
from auditor.render.view.pair_figures import distributions, grids, projections, traces
from auditor.render.view.pair_tables import counts, measures
from auditor.render.view.parts import Figure, Table
from auditor.render.view.words import GENERATED_MARGIN, MARGIN, fragile_direction
from auditor.results import NotMeasured, Pair, harm

SMALLEST_CHANGE = {
    MARGIN: "The smallest change found that makes the model say the other class has a median of",
    GENERATED_MARGIN: "The change that leads to the boundary has a median of",
}


@dataclass(frozen=True)
class PairPage:
    """One page; ``s`` is the pair's first class (blue), ``t`` its second (vermilion)."""

    anchor: str
    rank: str
    s: str
    t: str
    headline: str
    text: str
    grids: list[Figure]
    no_images: str
    beside: list[Figure]
    measures: Table
    counts: Table


def pair_page(audit: Audit, pair: Pair, rank: int) -> PairPage:
    """The page of one pair."""
    a, b = pair.classes
    first = fragile_direction(audit, pair.classes)
    directions = sorted(pair.directions, key=lambda d: (d.source, d.target) != first)
    images = grids(audit, directions)
    missing = {d.samples.not_measured for d in pair.directions if isinstance(d.samples, NotMeasured)}
    return PairPage(
        anchor=anchor(pair.classes),
        rank=f"{rank} of {count(len(audit.results.pairs))}",
        s=audit.name(a),
        t=audit.name(b),
        headline=_headline(audit, pair),
        text=_text(audit, pair),
        grids=images,
        no_images="" if images else "No images: " + display_text("; ".join(sorted(missing)) or "none were kept") + ".",
        beside=[*distributions(audit, pair), *traces(audit, pair), *projections(audit, pair, first)],
        measures=measures(audit, pair),
        counts=counts(audit, pair),
    )


def _headline(audit: Audit, pair: Pair) -> str:
    definition, id = audit.rank_definition, audit.results.summary.ranked_by
    found, middle = audit.of_pair(id, pair), audit.median(id)
    a, b = (audit.name(c) for c in pair.classes)
    if definition is None or not found or middle is None:
        return f"{a} and {b}"
    worst = max(found, key=lambda f: harm(definition.direction, f.measure.value)).measure
    if not worst.value or not middle or len(audit.results.pairs) < 3:
        return f"{a} and {b}: {value_text(worst.value, definition.unit)} at the closest"
    if worst.low <= middle <= worst.high:
        return f"{a} and {b} are about as close as the median direction"
    ratio = middle / worst.value
    if definition.direction.startswith("higher") and ratio >= 1.1:
        return f"{a} and {b} are {ratio:.1f} times closer than the median direction"
    if definition.direction.startswith("higher") and ratio <= 0.9:
        return f"{a} and {b} are {1 / ratio:.1f} times farther apart than the median direction"
    return f"{a} and {b}: {value_text(worst.value, definition.unit)}, median {value_text(middle, definition.unit)}"


def _text(audit: Audit, pair: Pair) -> str:
    wrong, of = audit.confused(pair.classes)
    found = audit.of_pair(audit.results.summary.ranked_by, pair)
    parts = [f"{shown(f.measure).full} from {audit.name(f.classes[0])} to {audit.name(f.classes[1])}" for f in found]
    definition = audit.rank_definition
    sentences = []
    if parts and definition is not None:
        what = SMALLEST_CHANGE.get(audit.results.summary.ranked_by, f"{definition.title} is")
        sentences.append(f"{what} {' and '.join(parts)} ({unit_words(definition.unit)}).")
    if of:
        mistakes = (
            f"{count(wrong)} of {count(of)} test samples of the two"
            if wrong
            else f"None of {count(of)} test samples of the two"
        )
        sentences.append(f"{mistakes} {'are' if wrong > 1 else 'is'} taken for the other.")
    return " ".join(sentences)
