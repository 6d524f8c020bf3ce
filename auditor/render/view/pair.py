"""The page of a ranked pair: headline, images, margins, traces, projection, and every measure of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from auditor.documents.results import NotMeasured, Pair
from auditor.render.names import display_text
from auditor.render.rounding import count, plural, shown, value_text
from auditor.render.view.depth import depth_of, mark
from auditor.render.view.extremes import overlap
from auditor.render.view.lookups import Audit, anchor
from auditor.render.view.margins import margins_table
from auditor.render.view.page_parts import Figure, Table
from auditor.render.view.pair_figures import distributions, grids, projections, traces
from auditor.render.view.pair_tables import counts, measures
from auditor.render.view.summary_words import MARGIN, fragile_direction


@dataclass(frozen=True)
class PairPage:
    """One page; ``s`` is the pair's first class (blue), ``t`` its second (vermilion)."""

    anchor: str
    rank: str
    s: str
    t: str
    headline: str
    text: str
    margins: Table | None
    grids: list[Figure]
    no_images: str
    beside: list[Figure]
    measures: Table
    counts: Table


def pairs_heading(audit: Audit) -> str:
    """What the pairs with a page of their own are, of those that were audited."""
    if not audit.is_ranked:
        return "Pairs of classes"
    pairs = len(audit.results.pairs)
    if pairs == 1:
        return "The audited pair" if audit.part else "The pair of classes"
    return f"The most fragile of the {count(pairs)} audited pairs" if audit.part else "The most fragile pairs"


def pair_page(audit: Audit, pair: Pair, rank: int) -> PairPage:
    """The page of one pair."""
    a, b = pair.classes
    first = fragile_direction(audit, pair.classes)
    directions = sorted(pair.directions, key=lambda d: (d.source, d.target) != first)
    images = grids(audit, directions)
    missing = {d.samples.not_measured for d in pair.directions if isinstance(d.samples, NotMeasured)}
    return PairPage(
        anchor=anchor(pair.classes),
        rank=_rank(audit, pair, rank),
        s=audit.name(a),
        t=audit.name(b),
        headline=_headline(audit, pair),
        text=_text(audit, pair),
        margins=margins_table(audit, pair),
        grids=images,
        no_images="" if images else "No images: " + display_text("; ".join(sorted(missing)) or "none were kept") + ".",
        beside=[*distributions(audit, pair), *traces(audit, pair), *projections(audit, pair, first)],
        measures=measures(audit, pair),
        counts=counts(audit, pair),
    )


def _rank(audit: Audit, pair: Pair, rank: int) -> str:
    """The place among the audited pairs, and how many others cannot be told apart from it."""
    pairs = f"{count(len(audit.results.pairs))}{' audited pairs' if audit.part else ''}"
    definition, nearer = audit.rank_definition, audit.nearer(pair)
    if definition is None or nearer is None:
        return f"pair {rank} of {pairs}, without a margin to rank it by"
    others = [f for p in audit.ranked if p is not pair and (f := audit.nearer(p)) is not None]
    tied = sum(overlap(definition, nearer.measure, f.measure) for f in others)
    said = f"rank {rank} of {pairs}{mark(pair)}"
    return f"{said}; {plural(tied, 'other')} cannot be told apart from it" if tied else said


def _headline(audit: Audit, pair: Pair) -> str:
    definition, nearer, middle = audit.rank_definition, audit.nearer(pair), audit.median(MARGIN)
    a, b = (audit.name(c) for c in pair.classes)
    if definition is None or nearer is None or middle is None:
        return f"{a} and {b}"
    value, text = nearer.measure.value, shown(nearer.measure).value
    if not value:
        return f"{audit.name(nearer.classes[0])} is mostly put elsewhere before any change"
    if not middle or len(audit.results.pairs) < 3:
        return f"{a} and {b}: a median change of {text}"
    if nearer.measure.low <= middle <= nearer.measure.high:
        return f"{a} and {b} are about as close as the median direction"
    ratio = middle / value
    if ratio >= 1.1:
        return f"{a} and {b} are {ratio:.1f} times closer than the median direction"
    if ratio <= 0.9:
        return f"{a} and {b} are {1 / ratio:.1f} times farther apart than the median direction"
    return f"{a} and {b}: {text}, median {value_text(middle, definition.scale)}"


def _text(audit: Audit, pair: Pair) -> str:
    """How far the audit came with the pair, and how often the model takes the two for one another."""
    return " ".join([*depth_of(pair), *_confused(audit, pair)])


def _confused(audit: Audit, pair: Pair) -> Iterator[str]:
    wrong, of = audit.confused(pair.classes)
    if not of:
        return
    mistakes = f"{count(wrong)} of" if wrong else "None of"
    verb = "are" if wrong > 1 else "is"
    yield f"{mistakes} {count(of)} test samples of the two {verb} taken for the other."
