"""The boundary at a glance: a map for each headline measure, the ranking of pairs, intruding third classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from auditor.documents.results import Coverage, Definition, Measure, SummaryMeasure
from auditor.render.figures import bars, ranking
from auditor.render.figures.ranking import Dot, RankedRow
from auditor.render.rounding import (
    begun,
    count,
    is_share,
    percent,
    plural,
    shown,
    shown_summary,
    unit_words,
    value_text,
)
from auditor.render.view.depth import mark
from auditor.render.view.extremes import closest_pair, extreme
from auditor.render.view.lookups import Audit, Found
from auditor.render.view.page_parts import Cell, Column, Figure, Table
from auditor.render.view.shared_figures import MAPS_UP_TO, class_map, map_svg
from auditor.render.view.summary_words import missing_pairs

RANKED_UP_TO = 30
INTRUDERS = 12


@dataclass(frozen=True)
class Glance:
    """The section over all pairs."""

    intro: str
    maps: list[Figure]
    ranking: Figure | None
    intruders: Figure | None
    summary: Table


def glance(audit: Audit) -> Glance:
    """The section, from the results."""
    maps = [figure for id, d in _headlines(audit) if (figure := _map(audit, id, d)) is not None]
    return Glance(_intro(audit, bool(maps)), maps, _ranking(audit), _intruders(audit), _summary(audit))


def _headlines(audit: Audit) -> list[tuple[str, Definition]]:
    return [(id, d) for id, d in audit.definitions.items() if d.headline or id == audit.results.summary.ranked_by]


def _chosen(coverage: Coverage) -> Iterator[str]:
    """How the pairs were chosen, and how much of what the model gets wrong lies between them."""
    one = coverage.audited == 1
    yield f"{'It was' if one else 'They were'} chosen {coverage.chosen}."
    if isinstance(share := coverage.errors_covered, Measure):
        inside = count(round(share.value * share.n))
        errors, lie = plural(share.n, "error"), "lies" if inside == "1" else "lie"
        where = f"{lie} between {'its two classes' if one else 'them'}"
        yield f"{inside} of the model\N{RIGHT SINGLE QUOTATION MARK}s {errors} on the test split {where}."


def _intro(audit: Audit, with_maps: bool) -> str:
    classes, pairs = len(audit.names), len(audit.results.pairs)
    verb = "was audited," if pairs == 1 else "were audited, each"
    covered = [f"{plural(pairs, 'pair')} of {count(audit.possible)} {verb} in both directions."]
    if audit.part:
        covered += _chosen(audit.results.coverage)
    covered += missing_pairs(audit)
    if not audit.is_ranked:
        covered.append("No margin was measured, so the pairs are not ranked: they stand in their own order.")
    if with_maps:
        covered.append(
            "In every map a row is the class that an instance starts from and a column the class that the model is led "
            "to; classes whose boundary is close stand together. The less favourable a cell, the more it stands out "
            "from the page."
        )
    elif classes > MAPS_UP_TO:
        covered.append(
            f"With {count(classes)} classes a map would be unreadable: the ranking shows the pairs that come first."
        )
    return " ".join(covered)


def _map(audit: Audit, id: str, definition: Definition) -> Figure | None:
    plan, found = class_map(audit, id), audit.found(id)
    if plan is None:
        return None
    reading = "neither is better; the larger, the more a cell stands out" if definition.better == "none" else (
        definition.reading
    )  # fmt: skip
    caption = f"{_cell_unit(definition)}; {reading}."
    svg = map_svg(audit, id, plan, 296, True)
    return Figure(Markup(svg), f"{definition.title}: {extreme_words(audit, found, definition)}", caption)


def extreme_words(audit: Audit, found: list[Found], definition: Definition) -> str:
    """Where a measure is at its worse end, as far as the intervals allow it to be said; else its range."""
    values = [f.measure.value for f in found]
    if len(set(values)) == 1:
        return f"the same everywhere, {value_text(values[0], definition.scale)}"
    end = extreme(found, definition)
    if end is None or end.hidden:
        apart = "" if end is None else ", no place clearly apart"
        return f"from {value_text(min(values), definition.scale)} to {value_text(max(values), definition.scale)}{apart}"
    a, b = (audit.name(c) for c in end.first.classes)
    word, scope = _superlative(definition.better), f" of {count(end.of)} audited" if audit.part else ""
    place = f"from {a} to {b}" if definition.scope == "direction" else f"between {a} and {b}"
    value = shown(end.first.measure).value
    return f"{word}{scope} {place}, {value}" if end.alone else f"{value} {place}, {end.among(word, scope)}"


def _superlative(better: str) -> str:
    return {"higher": "smallest", "lower": "largest"}.get(better, "most one-sided")


def _cell_unit(definition: Definition) -> str:
    unit = unit_words(definition)
    return unit[:1].upper() + unit[1:]


def _ranking(audit: Audit) -> Figure | None:
    id, definition = audit.results.summary.ranked_by, audit.rank_definition
    measured_pairs = [pair for pair in audit.ranked if audit.of_pair(id, pair)]
    pairs, middle = measured_pairs[:RANKED_UP_TO], audit.median(id)
    if definition is None or not pairs or middle is None:
        return None
    rows = []
    for pair in pairs:
        dots = [
            Dot(f.measure.value, f.measure.low, f.measure.high, filled=f.classes == pair.classes)
            for f in audit.of_pair(id, pair)
        ]
        rows.append(RankedRow(audit.dash(pair.classes) + mark(pair), dots))
    share = is_share(definition.scale)
    reference = (middle, f"median {value_text(middle, definition.scale)}") if len(audit.results.pairs) > 2 else None
    below = sum(
        all(definition.badness(f.measure.value) > definition.badness(middle) for f in audit.of_pair(id, p))
        for p in pairs
    )
    title = f"{definition.title}: {_spread(audit, id, definition)}"
    caption = " ".join(
        [
            "Filled dot: from the first class to the second; open dot: back. Strokes are 95 % intervals, with an arrow "
            f"where one is open{'; the dashed line is the median direction' if reference else ''}.",
            *_tied(audit),
            *_left_out(audit, len(measured_pairs)),
        ]
    )
    alt = (
        f"Ranking of {plural(len(rows), 'pair')} by {begun(definition.title)}"
        f"{f'; in {below} both directions are worse than the median' if reference else ''}."
    )
    svg = ranking.draw(rows, f"{begun(definition.title)} ({unit_words(definition)})", alt, share, reference)
    return Figure(Markup(svg), title, caption, wide=True)


def _tied(audit: Audit) -> Iterator[str]:
    """How many pairs cannot be told apart from the first, and how many samples count with a margin of 0."""
    first = closest_pair(audit)
    if first is not None and first.tied:
        yield f"The first {'pair is' if first.of > 1 else 'is'} {first.among('closest')}."
    if lost := lost_words(audit):
        yield lost


def lost_words(audit: Audit) -> str:
    """How many test samples the model puts elsewhere to begin with: they count with a margin of 0."""
    shares = [m for f in audit.found("already_wrong") if (m := f.measure).value > 0]
    if not shares:
        return ""
    most = max(shares, key=lambda m: m.value)
    return (
        f"{audit.unseen.capitalize()} samples that the model already puts in another class count with a margin of 0: "
        f"up to {percent(most.value)} of the {count(most.n)} in a direction."
    )


def _left_out(audit: Audit, with_number: int) -> Iterator[str]:
    total = len(audit.results.pairs)
    if with_number > RANKED_UP_TO:
        yield f"Shown are the first {RANKED_UP_TO} of {count(with_number)} pairs."
    if with_number < total:
        yield f"Left out, without a number in either direction: {plural(total - with_number, 'pair')}."


def _spread(audit: Audit, id: str, definition: Definition) -> str:
    values = [f.measure.value for f in audit.found(id)]
    return (
        f"from {value_text(min(values), definition.scale)} to "
        f"{value_text(max(values), definition.scale)} over {plural(len(values), 'direction')}"
    )


def _intruders(audit: Audit) -> Figure | None:
    lost: Counter[int] = Counter()
    for direction in audit.directions.values():
        lost.update({int(index): n for index, n in direction.generation.third_class.items()})
    total = sum(lost.values())
    if not total:
        return None
    top = sorted(lost.items(), key=lambda item: (-item[1], item[0]))[:INTRUDERS]
    name = audit.name(top[0][0])
    rows = [(audit.name(index), float(n), count(n)) for index, n in top]
    title = f"{count(top[0][1])} of {plural(total, 'first bisection')} that met a third class met {name}"
    caption = (
        "First bisections between two classes that met a third class, by that class, over all directions; a second try "
        "may still have reached the boundary."
    )
    return Figure(Markup(bars.draw(rows, f"Third classes that intrude. {title}.", 612)), title, caption, wide=True)


def _summary(audit: Audit) -> Table:
    columns = [
        Column("Measure", numeric=False), Column("Mean", "95 % interval"), Column("Unit", numeric=False),
        Column("Least favourable", numeric=False), Column("Value there"),
    ]  # fmt: skip
    found = audit.results.summary.characteristics
    rows = [
        _summary_row(audit, mean, id, d)
        for id, d in audit.definitions.items()
        if isinstance(mean := found.get(id), SummaryMeasure)
    ]
    pairs = len(audit.results.pairs)
    over = f"the {count(pairs)} audited pairs" if pairs > 1 else "both directions"
    if audit.results.coverage.levels:
        over = "those audited pairs that have it"
    return Table(f"Every measure, mean over {over}", columns, rows, sortable=True)


def _summary_row(audit: Audit, mean: SummaryMeasure, id: str, definition: Definition) -> list[Cell]:
    name = Cell(definition.title, definition.reading, href=f"define-{id}")
    text = shown_summary(mean, definition)
    row = [name, Cell(text.value, text.interval, sort=repr(mean.mean)), Cell(unit_words(definition))]
    worst = extreme(audit.found(id), definition)
    if worst is None:
        return [*row, Cell(""), Cell("")]
    classes, there = worst.first.classes, shown(worst.first.measure)
    place = audit.arrow(classes) if definition.scope == "direction" else audit.dash(classes)
    tied = f"one of {count(len(worst.tied) + 1)} that cannot be told apart" if worst.tied else ""
    return [*row, Cell(place, tied), Cell(there.value, there.interval, sort=repr(worst.first.measure.value))]
