"""The boundary at a glance: a map for each headline measure, the ranking of pairs, intruding third classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from auditor.render.figures import bars, ranking
from auditor.render.figures.ranking import Dot, RankedRow
from auditor.render.rounding import begun, count, is_share, plural, shown_summary, unit_words, value_text
from auditor.render.view.audit import Audit, Found
from auditor.render.view.drawing import MAPS_UP_TO, class_map, map_svg
from auditor.render.view.parts import Cell, Column, Figure, Table
from auditor.results import Coverage, Definition, Measure, SummaryMeasure, harm

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
    yield f"They were chosen {coverage.chosen}."
    if isinstance(share := coverage.errors_covered, Measure):
        inside = count(round(share.value * share.n))
        errors = plural(share.n, "error")
        yield f"{inside} of the model\N{RIGHT SINGLE QUOTATION MARK}s {errors} on the test split lie between them."


def _intro(audit: Audit, with_maps: bool) -> str:
    classes = len(audit.names)
    pairs, possible = len(audit.results.pairs), classes * (classes - 1) // 2
    covered = f"{plural(pairs, 'pair')} of {count(possible)} were audited, each in both directions."
    if pairs < possible:
        covered = " ".join([covered, *_chosen(audit.results.coverage)])
    if with_maps:
        return (
            f"{covered} In every map a row is the class that an instance starts from and a column the "
            "class that the model "
            "is led to; classes whose boundary is close stand together. Dark cells are the less favourable ones."
        )
    if classes > MAPS_UP_TO:
        return (
            f"{covered} With {count(classes)} classes a map would be unreadable: the ranking shows "
            "the most fragile pairs."
        )
    return covered


def _map(audit: Audit, id: str, definition: Definition) -> Figure | None:
    plan, worst = class_map(audit, id), audit.worst(id)
    if plan is None or worst is None:
        return None
    a, b = (audit.name(c) for c in worst.classes)
    found = audit.found(id)
    if len({f.measure.value for f in found}) == 1:
        title = f"{definition.title}: the same everywhere, {value_text(worst.measure.value, definition.unit)}"
    else:
        title = (
            f"{definition.title}: {_extreme(definition.direction)} from {a} to {b}, "
            f"{value_text(worst.measure.value, definition.unit)}"
        )
    caption = f"{_cell_unit(definition)}; {definition.direction}."
    return Figure(Markup(map_svg(audit, id, plan, 296, True)), title, caption)


def _extreme(direction: str) -> str:
    return {"higher": "smallest", "lower": "largest"}.get(direction.split()[0], "most one-sided")


def _cell_unit(definition: Definition) -> str:
    unit = unit_words(definition.unit)
    return unit[:1].upper() + unit[1:]


def _ranking(audit: Audit) -> Figure | None:
    id, definition = audit.results.summary.ranked_by, audit.rank_definition
    pairs = [pair for pair in audit.ranked if audit.of_pair(id, pair)][:RANKED_UP_TO]
    middle = audit.median(id)
    if definition is None or not pairs or middle is None:
        return None
    rows = []
    for pair in pairs:
        dots = [
            Dot(f.measure.value, f.measure.low, f.measure.high, filled=f.classes == pair.classes)
            for f in audit.of_pair(id, pair)
        ]
        rows.append(RankedRow(audit.dash(pair.classes), dots))
    share = is_share(definition.unit)
    reference = (middle, f"median {value_text(middle, definition.unit)}") if len(audit.results.pairs) > 2 else None
    below = sum(
        all(
            harm(definition.direction, f.measure.value) > harm(definition.direction, middle)
            for f in audit.of_pair(id, p)
        )
        for p in pairs
    )
    title = f"{definition.title}: {_spread(audit, id, definition)}"
    cut = (
        f" The {RANKED_UP_TO} most fragile of {count(len(audit.results.pairs))} pairs."
        if len(audit.results.pairs) > RANKED_UP_TO
        else ""
    )
    caption = (
        "Filled dot: from the first class to the second; open dot: back. Strokes are 95 % intervals; "
        "the dashed line is the "
        f"median direction.{cut}"
    )
    alt = (
        f"Ranking of {len(rows)} pairs by {begun(definition.title)}; in {below} both directions "
        "are worse than the median."
    )
    svg = ranking.draw(rows, f"{begun(definition.title)} ({unit_words(definition.unit)})", alt, share, reference)
    return Figure(Markup(svg), title, caption, wide=True)


def _spread(audit: Audit, id: str, definition: Definition) -> str:
    values = [f.measure.value for f in audit.found(id)]
    return (
        f"from {value_text(min(values), definition.unit)} to "
        f"{value_text(max(values), definition.unit)} over {plural(len(values), 'direction')}"
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
    title = (
        f"{name} stands between others most often: {count(top[0][1])} of "
        f"{plural(total, 'lost search', 'lost searches')}"
    )
    caption = (
        "Searches for the boundary between two classes that met a third class, by that class, over all directions."
    )
    return Figure(Markup(bars.draw(rows, f"Third classes that intrude. {title}.", 612)), title, caption, wide=True)


def _summary(audit: Audit) -> Table:
    columns = [
        Column("Measure", numeric=False), Column("Mean over all", "95 % interval"), Column("Unit", numeric=False),
        Column("Least favourable", numeric=False), Column("Value there"),
    ]  # fmt: skip
    found = audit.results.summary.characteristics
    rows = [
        _summary_row(audit, mean, worst, id, d)
        for id, d in audit.definitions.items()
        if isinstance(mean := found.get(id), SummaryMeasure) and (worst := audit.worst(id)) is not None
    ]
    return Table("Every measure over all pairs", columns, rows, sortable=True)


def _summary_row(audit: Audit, mean: SummaryMeasure, worst: Found, id: str, definition: Definition) -> list[Cell]:
    name = Cell(definition.title, definition.direction, href=f"define-{id}")
    place = audit.arrow(worst.classes) if definition.scope == "direction" else audit.dash(worst.classes)
    text = shown_summary(mean, definition.unit)
    return [
        name,
        Cell(text.value, text.interval, sort=repr(mean.mean)),
        Cell(unit_words(definition.unit)),
        Cell(place),
        Cell(value_text(worst.measure.value, definition.unit), sort=repr(worst.measure.value)),
    ]
