"""From measures to the figures that several pages share."""

from __future__ import annotations

from auditor.render.figures import heatmap
from auditor.render.figures.heatmap import ClassMap, MapCell
from auditor.render.rounding import begun, is_share, shown, unit_words
from auditor.render.view.extremes import extreme
from auditor.render.view.lookups import Audit
from auditor.render.view.seriation import order

MAPS_UP_TO = 20
"""A map of more classes than this is unreadable; rankings and coverage take its place."""

FILLED = 0.4
"""Share of cells that must be measured: a nearly empty map says less than the ranking."""


def class_map(audit: Audit, id: str) -> ClassMap | None:
    """The map of a measure over all directions; None where a map says nothing (few pairs, many classes)."""
    definition, found = audit.results.definitions[id], audit.found(id)
    classes = shown_classes(audit)
    if not found or not 3 <= len(classes) <= MAPS_UP_TO:
        return None
    values = {f.classes: f.measure.value for f in found}
    if definition.scope == "pair":
        values |= {(b, a): v for (a, b), v in values.items()}
    if len(values) < FILLED * len(classes) * (len(classes) - 1):
        return None
    neutral = definition.better == "none"
    badness = {c: v if neutral else definition.badness(v) for c, v in values.items()}
    low, high = min(badness.values()), max(badness.values())
    span = high - low or 1.0
    best = min(values.items(), key=lambda item: badness[item[0]])[1]
    worst = max(values.items(), key=lambda item: badness[item[0]])[1]
    share = is_share(definition.scale)
    cells = [
        [
            None if (value := values.get((a, b))) is None
            else MapCell(0.06 + 0.94 * (badness[a, b] - low) / span, cell_label(value, share))
            for b in classes
        ]
        for a in classes
    ]  # fmt: skip
    ends = [f"{cell_label(v, share)}{' %' if share else ''}" for v in (best, worst)]
    return ClassMap([audit.name(c) for c in classes], cells, light=ends[0], dark=ends[1])


def shown_classes(audit: Audit) -> list[int]:
    """Classes that occur in a pair, seriated so that those with a close boundary stand together."""
    involved = sorted({c for pair in audit.results.pairs for c in pair.classes})
    if len(involved) > MAPS_UP_TO:
        return involved
    distances: dict[tuple[int, int], float] = {}
    for found in audit.found(audit.results.summary.ranked_by):
        a, b = sorted(found.classes)
        distances[a, b] = min(found.measure.value, distances.get((a, b), found.measure.value))
    return order(involved, distances)


def map_svg(audit: Audit, id: str, plan: ClassMap, width: float, numbers: bool) -> str:
    """The map with its text for readers who do not see it."""
    definition = audit.results.definitions[id]
    worst = extreme(audit.found(id), definition)
    place = ""
    if worst is not None:
        a, b = (audit.name(c) for c in worst.first.classes)
        value = f"{shown(worst.first.measure).value} ({unit_words(definition)})"
        place = f" {_capital(worst.among('least favourable'))}: from {a} to {b}, {value}."
    alt = f"Map of {begun(definition.title)} for {len(plan.names)} classes, rows from, columns to.{place}"
    return heatmap.draw(plan, alt, width, numbers)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def cell_label(value: float, share: bool) -> str:
    """The number in a cell: at most three characters of digits."""
    shown = 100 * value if share else value
    if abs(shown) >= 100 or shown == 0:
        return f"{shown:.0f}"
    if abs(shown) >= 10:
        return f"{shown:.0f}" if share else f"{shown:.1f}"
    return f"{shown:.1f}" if share else f"{shown:.2f}"
