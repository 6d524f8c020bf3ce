"""Both models' maps on one scale, side by side, and the map of their differences."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from auditor.documents.comparison import Compared
from auditor.documents.results import Definition, Measure, Scale
from auditor.render.comparison.lookups import Sides
from auditor.render.figures import heatmap, ranking
from auditor.render.figures.heatmap import ClassMap, MapCell
from auditor.render.figures.ranking import Dot, RankedRow
from auditor.render.rounding import begun, is_share, plural, unit_words, value_text
from auditor.render.view.lookups import Classes
from auditor.render.view.page_parts import Figure
from auditor.render.view.shared_figures import FILLED, MAPS_UP_TO, cell_label

RANKED_UP_TO = 30
Values = dict[Classes, float]


def side_by_side(sides: Sides, id: str, definition: Definition, width: float, *, named: bool) -> list[Figure]:
    """Baseline and candidate of a measure; nothing where a map would be empty or unreadable.

    Args:
        named: whether the titles name the model files.
    """
    before, after = (_values(sides, id, of) for of in (lambda c: c.baseline, lambda c: c.candidate))
    classes, scale = sides.classes, definition.scale
    common = before.keys() & after.keys()
    if not 3 <= len(classes) <= MAPS_UP_TO or len(common) < FILLED * len(classes) * (len(classes) - 1):
        return []
    every = [*before.values(), *after.values()]
    badness = [_depth(definition, v) for v in every]
    low, span = min(badness), (max(badness) - min(badness)) or 1.0
    light, dark = (value_text(every[badness.index(h)], scale) for h in (min(badness), max(badness)))

    def shade(value: float) -> float:
        return 0.06 + 0.94 * (_depth(definition, value) - low) / span

    figures = []
    for side, name, values in (("Baseline", sides.baseline, before), ("Candidate", sides.candidate, after)):
        title = f"{side}: {name}" if named else side
        plan = ClassMap([sides.names[c] for c in classes], _cells(classes, values, shade, scale), light, dark)
        alt = f"Map of {begun(definition.title)}, rows from, columns to. {title}."
        figures.append(Figure(Markup(heatmap.draw(plan, alt, width)), title, _reading(definition)))
    return figures


def differences(sides: Sides, id: str, definition: Definition, width: float) -> Figure | None:
    """The map of candidate less baseline; green is the more favourable side, purple the less favourable one.

    None of a measure of which neither end is better, and where a map would be empty or unreadable.
    """
    before, after = (_values(sides, id, of) for of in (lambda c: c.baseline, lambda c: c.candidate))
    change = {c: after[c] - before[c] for c in after if c in before}
    classes = sides.classes
    if (
        definition.better == "none"
        or not 3 <= len(classes) <= MAPS_UP_TO
        or len(change) < FILLED * len(classes) * (len(classes) - 1)
    ):
        return None
    better = {c: definition.badness(before[c]) - definition.badness(after[c]) for c in change}
    most = max(map(abs, better.values()))
    shades = {c: v / (most or 1.0) for c, v in better.items()}
    cells = [
        [
            MapCell(shades[a, b], _signed_label(change[a, b], definition.scale)) if (a, b) in change else None
            for b in classes
        ]
        for a in classes
    ]
    plan = ClassMap([sides.names[c] for c in classes], cells, "worse", "better", differences=True)
    title = f"Change: {_where_worse(sides, id, better)}"
    alt = f"Map of the change of {begun(definition.title)}, rows from, columns to. {title}."
    caption = "Candidate less baseline; green is more favourable, purple less. Many cells differ by chance alone."
    return Figure(Markup(heatmap.draw(plan, alt, width)), title, caption)


def _where_worse(sides: Sides, id: str, better: Values) -> str:
    """The worst place where its interval is apart from that of every other, else how many are clearly worse."""
    ends = {p.classes: d for p in sides.places(id) if isinstance(d := p.compared.difference, Measure)}
    worse = [p.classes for p in sides.places(id) if p.compared.change == "worse"]
    if not worse:
        return "nowhere clearly worse"
    worst = min(worse, key=lambda c: better[c])
    others = [d for classes, d in ends.items() if classes != worst]
    if all(ends[worst].high < d.low or d.high < ends[worst].low for d in others):
        return f"worst {sides.label(id, worst)}"
    return f"clearly worse in {len(worse)} of {plural(len(ends), 'place')}"


def dot_plot(sides: Sides, id: str, definition: Definition) -> Figure | None:
    """Differences of the pairs that changed most, with their intervals about zero."""
    rows, found = [], 0
    for pair in sides.comparison.pairs:
        dots = [
            Dot(d.value, d.low, d.high, filled=(x.source, x.target) == pair.classes)
            for x in pair.directions
            if id in x.characteristics and isinstance(d := x.characteristics[id].difference, Measure)
        ]
        if dots:
            found += 1
            rows.append(RankedRow(sides.dash(pair.classes), dots))
    if not rows:
        return None
    share = is_share(definition.scale)
    title = f"{definition.title}: candidate less baseline"
    cut = f" The first {RANKED_UP_TO} of {plural(found, 'pair')}." if found > RANKED_UP_TO else ""
    caption = (
        "The pair that got most clearly more fragile stands first. Filled dot: from the first class to the second; "
        "open dot: back. Strokes are 95 % intervals of each difference by itself; the dashed line is no "
        f"difference.{cut}"
    )
    axis = f"change of {begun(definition.title)} ({unit_words(definition)})"
    alt = f"Change of {begun(definition.title)} in {len(rows[:RANKED_UP_TO])} pairs, with intervals about zero."
    svg = ranking.draw(rows[:RANKED_UP_TO], axis, alt, share, (0.0, "no difference"), zero=False)
    return Figure(Markup(svg), title, caption, wide=True)


def _depth(definition: Definition, value: float) -> float:
    """What is darker: the less favourable value, or the larger one where neither end is better."""
    return value if definition.better == "none" else definition.badness(value)


def _values(sides: Sides, id: str, of: Callable[[Compared], object]) -> Values:
    values = {p.classes: m.value for p in sides.places(id) if isinstance(m := of(p.compared), Measure)}
    if sides.comparison.definitions[id].scope == "pair":
        values |= {(b, a): v for (a, b), v in values.items()}
    return values


def _cells(
    classes: list[int], values: Values, shade: Callable[[float], float], scale: Scale
) -> list[list[MapCell | None]]:
    return [
        [
            MapCell(shade(values[a, b]), cell_label(values[a, b], is_share(scale))) if (a, b) in values else None
            for b in classes
        ]
        for a in classes
    ]


def _signed_label(value: float, scale: Scale) -> str:
    text = cell_label(abs(value), is_share(scale))
    return text if not text.strip("0.") else f"{'+' if value > 0 else chr(0x2212)}{text}"


def _reading(definition: Definition) -> str:
    unit, dark = unit_words(definition), "larger" if definition.better == "none" else "less favourable"
    return f"{unit[:1].upper() + unit[1:]}; {definition.reading}. Both maps share one scale; dark is {dark}."
