"""Figures of a pair's page: sample grids, margins, traces, projection, each drawn from the kind of its series."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Literal

from markupsafe import Markup

from auditor.documents.results import Direction, DistributionSeries, Pair, ScatterSeries, StripSeries
from auditor.render.figures import distribution, scatter, strips
from auditor.render.figures.colour import Role
from auditor.render.figures.distribution import Sample
from auditor.render.figures.scatter import Cloud
from auditor.render.names import display_name, display_text
from auditor.render.rounding import count, plural, shown
from auditor.render.view.lookups import Audit, Classes, measured
from auditor.render.view.page_parts import Figure
from auditor.render.view.sample_figures import sample_figure

GRID_CAPTION = (
    "Each row is one instance, chosen by its distance to the boundary (L2); under each image the "
    "model\N{RIGHT SINGLE QUOTATION MARK}s "
    "top two classes. Difference: purple is darker, green brighter than the source."
)


def grids(audit: Audit, directions: list[Direction]) -> list[Figure]:
    """The grid of each direction that has images; the last one says how to read them."""
    figures = []
    for direction in directions:
        svg = sample_figure(audit, direction.source, direction.target)
        if svg is not None:
            figures.append(Figure(Markup(svg), _grid_title(audit, direction), ""))
    return [*figures[:-1], replace(figures[-1], caption=GRID_CAPTION)] if figures else []


def _grid_title(audit: Audit, direction: Direction) -> str:
    label, generation = audit.arrow((direction.source, direction.target)), direction.generation
    return (
        f"{label}: {count(generation.boundary)} of "
        f"{plural(generation.requested, 'search', 'searches')} reached the boundary"
    )


def class_role(pair: Pair, index: int) -> Literal["s", "t"]:
    """The colour of a class on the page of its pair."""
    return "s" if index == pair.classes[0] else "t"


def _series(pair: Pair, kind: type) -> list[str]:
    """Names of the series of a kind in either direction, in order of appearance."""
    return list(dict.fromkeys(name for d in pair.directions for name, s in d.series.items() if isinstance(s, kind)))


def distributions(audit: Audit, pair: Pair) -> list[Figure]:
    """The first distribution of the directions, all its groups on one axis; the others say the same in other units."""
    for name in _series(pair, DistributionSeries):
        samples, title, unit = [], "", ""
        for d in pair.directions:
            series = d.series.get(name)
            if isinstance(series, DistributionSeries):
                title, unit = display_text(series.title), display_name(series.unit)
                label = audit.arrow((d.source, d.target))
                samples += [
                    Sample(f"{display_name(g.label)}, {label}", g.values, class_role(pair, d.source))
                    for g in series.groups
                    if g.values
                ]
        if samples:
            alt = f"{title} in both directions, {len(samples)} samples on one axis."
            caption = (
                "Of samples the distance to the nearest point found, of boundary instances that to their source. "
                "Bar: middle half; dot: median."
            )
            return [Figure(Markup(distribution.draw(samples, unit, alt)), title, caption)]
    return []


def traces(audit: Audit, pair: Pair) -> list[Figure]:
    """The strips of both directions, for each series of that kind."""
    roles: dict[int, Role] = {pair.classes[0]: "s", pair.classes[1]: "t"}
    figures: list[Figure] = []
    for name in _series(pair, StripSeries):
        found = [(d, s) for d in pair.directions if isinstance(s := d.series.get(name), StripSeries) and s.rows]
        third = sorted({c for _, s in found for row in s.rows for c in row} - set(pair.classes))
        met = f"; grey: {', '.join(audit.name(c) for c in third)}" if third else ""
        strip = [_trace(audit, d, s, roles) for d, s in found]
        if strip:
            caption = f"{display_text(found[0][1].title)}. Colour is the class{met}."
            figures += [*strip[:-1], replace(strip[-1], caption=caption)]
    return figures


def _trace(audit: Audit, d: Direction, series: StripSeries, roles: dict[int, Role]) -> Figure:
    label = audit.arrow((d.source, d.target))
    names = [audit.name(i) for i in range(max(max(row) for row in series.rows) + 1)]
    alt = f"{display_text(series.title)}, {label}: predicted class along {plural(len(series.rows), 'path')}."
    svg = strips.draw(series.rows, names, roles, display_name(series.x_label), alt)
    changes = sum(x != y for row in series.rows for x, y in pairwise(row))
    return Figure(
        Markup(svg), f"{label}: {plural(changes, 'change')} of class on {plural(len(series.rows), 'path')}", ""
    )


def projections(audit: Audit, pair: Pair, first: Classes) -> list[Figure]:
    """The projection of the more fragile direction, or of the only one that has it."""
    figures = []
    for name in _series(pair, ScatterSeries):
        for d in sorted(pair.directions, key=lambda d: (d.source, d.target) != first):
            series = d.series.get(name)
            if isinstance(series, ScatterSeries) and any(g.points for g in series.groups):
                figures.append(_projection(audit, pair, d, series))
                break
    return figures


def _projection(audit: Audit, pair: Pair, d: Direction, series: ScatterSeries) -> Figure:
    roles: dict[str, Role] = {
        "train_source": class_role(pair, d.source),
        "train_target": class_role(pair, d.target),
        "boundary": "ink",
    }
    clouds = [Cloud(g.points, roles[g.role], g.role == "boundary") for g in series.groups if g.points]
    n = next((len(g.points) for g in series.groups if g.role == "boundary"), 0)
    s, t = audit.name(d.source), audit.name(d.target)
    accuracy = measured(d.characteristics.get("edc_boundary_accuracy"))
    title = f"{plural(n, 'boundary instance')} from {s} to {t} in the embedding"
    if accuracy is not None:
        title = f"In the embedding {shown(accuracy).value} of the boundary instances stay on the side of {s}"
    alt = (
        f"{display_text(series.title)}, {s} to {t}: training samples of both classes, boundary "
        "instances, separating line."
    )
    svg = scatter.draw(clouds, series.line, _short(series.x_label), _short(series.y_label), alt)
    caption = "Faint: training samples; strong: boundary instances; line: linear SVM."
    return Figure(Markup(svg), title, caption)


def _short(label: str) -> str:
    return display_name(label.split(" (")[0], 48)
