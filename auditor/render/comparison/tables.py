"""Tables of a comparison: the pairs that changed, every measure, accuracy, confusions, and both sides' facts."""

from __future__ import annotations

from auditor.documents.comparison import Compared, ComparedMean
from auditor.documents.results import Measure, Measured, NotMeasured
from auditor.render.comparison.lookups import Place, Sides, signed
from auditor.render.names import display_name
from auditor.render.rounding import count, is_share, plural, shown, unit_words
from auditor.render.view.page_parts import STATUSES, Cell, Column, Status, Table

MOST = 40
CONFUSIONS = 15
CHANGES = {
    "worse": Status("warn", "worse", STATUSES["warn"].mark),
    "better": Status("pass", "better", STATUSES["ok"].mark),
    "changed": Status("unknown", "changed", "\N{WHITE CIRCLE}"),
    "unclear": Status("unknown", "not clear", "\N{WHITE CIRCLE}"),
    "not_measured": Status("unknown", "not measured", "\N{WHITE CIRCLE}"),
    "new": Status("warn", "new", STATUSES["warn"].mark),
    "more": Status("warn", "more", STATUSES["warn"].mark),
    "fewer": Status("pass", "fewer", STATUSES["ok"].mark),
    "vanished": Status("pass", "vanished", STATUSES["ok"].mark),
}
VALUES = [Column("Candidate", "95 % interval"), Column("Baseline", "95 % interval"), Column("Change", "95 % interval")]


def changed(sides: Sides, most: int, *, news_only: bool) -> Table | None:
    """The ranking's measure by direction, the most fragile first."""
    id = sides.comparison.ranked_by
    definition = sides.comparison.definitions.get(id)
    places = [p for p in sides.places(id) if not news_only or p.compared.change in ("worse", "better")]
    if definition is None or not places:
        return None
    if news_only:
        places = sorted(places, key=lambda p: (p.compared.change != "worse", p.compared.p or 0.0))
    columns = [Column("Direction", numeric=False), *VALUES, Column("Verdict", numeric=False)]
    rows = [[Cell(sides.label(id, p.classes)), *_values(p.compared), _change(p)] for p in places[:most]]
    cut = f", {count(most)} of {count(len(places))} directions" if len(places) > most else ""

    title = f"{'Clear changes: ' if news_only else ''}{definition.title} ({unit_words(definition)}){cut}"
    return Table(title, columns, rows, sortable=not news_only)


def measures(sides: Sides) -> Table:
    """Every measure: mean change, in how many places it clearly changed, and on how many common samples.

    A measure of which neither end is better has no worse and no better place.
    """
    columns = [
        Column("Measure", numeric=False), Column("Mean change", "95 % interval"), Column("Unit", numeric=False),
        Column("Changed"), Column("Worse"), Column("Better"), Column("Places"), Column("Samples", "in common"),
    ]  # fmt: skip
    rows = []
    for id, definition in sides.definitions.items():
        mean = sides.comparison.summary[id]
        if isinstance(mean, ComparedMean):
            text = signed(mean.difference)
            rows.append(
                [
                    Cell(definition.title, definition.reading),
                    Cell(text.value, text.interval, sort=repr(mean.difference.value)),
                    Cell(unit_words(definition)),
                    _number(mean.changed + mean.worse + mean.better),
                    *(
                        Cell("\N{EN DASH}", muted=True) if definition.better == "none" else _number(n)
                        for n in (mean.worse, mean.better)
                    ),
                    _number(mean.places),
                    _number(mean.samples) if mean.paired else Cell("not paired", muted=True),
                ]
            )
    return Table("Every measure, candidate less baseline", columns, rows, sortable=True)


def kept(sides: Sides) -> Table | None:
    """Where the baseline's boundary instances lie for the candidate, the least kept directions first."""
    if not sides.kept:
        return None
    columns = [
        Column("Direction", numeric=False), Column("On the boundary", "95 % interval"), Column("To the source"),
        Column("To the target"), Column("To a third class"), Column("Instances"),
    ]  # fmt: skip
    rows = [
        [
            Cell(sides.arrow((d.source, d.target))),
            _value(d.kept),
            *(Cell(count(n), sort=str(n)) for n in (d.to_source, d.to_target, d.to_third)),
            Cell(count(d.kept.n if isinstance(d.kept, Measure) else 0)),
        ]
        for d in sides.kept[:MOST]
    ]
    cut = f", {count(MOST)} of {count(len(sides.kept))} directions" if len(sides.kept) > MOST else ""
    return Table(
        f"Where the baseline's boundary instances lie for the candidate (first column in %){cut}",
        columns,
        rows,
        sortable=True,
    )


def performance(sides: Sides) -> Table:
    """Accuracy, calibration, and accuracy of the classes where it changed."""
    found = sides.comparison
    columns = [Column("Measure", numeric=False), *VALUES, Column("Verdict", numeric=False)]
    rows = [
        [Cell("Accuracy"), *_values(found.accuracy), Cell("", status=CHANGES[found.accuracy.change])],
        [Cell("Calibration error (ECE)"), *_values(found.ece), Cell("", status=CHANGES[found.ece.change])],
    ]
    classes = sorted(found.per_class, key=lambda c: c.accuracy.p if c.accuracy.p is not None else 2.0)
    rows += [
        [Cell(f"Accuracy of {sides.names[c.index]}"), *_values(c.accuracy), Cell("", status=CHANGES[c.accuracy.change])]
        for c in classes[:CONFUSIONS]
    ]
    return Table("Accuracy and calibration on the test samples, in %", columns, rows)


def confusions(sides: Sides) -> Table | None:
    """Confusions, those that changed beyond chance first."""
    found = sides.comparison.confusions
    if not found:
        return None
    columns = [
        Column("Confusion", numeric=False), Column("Candidate", "of test samples"),
        Column("Baseline", "of test samples"), Column("p, corrected"), Column("Verdict", numeric=False),
    ]  # fmt: skip
    rows = [
        [
            Cell(f"{sides.names[c.true]} taken for {sides.names[c.predicted]}"),
            Cell(f"{count(c.candidate)} of {count(c.candidate_n)}"),
            Cell(f"{count(c.baseline)} of {count(c.baseline_n)}"),
            Cell("<0.001" if c.p < 0.001 else f"{c.p:.3f}" if c.p < 0.0995 else f"{c.p:.2f}"),
            Cell("", status=CHANGES[c.change]),
        ]
        for c in found[:CONFUSIONS]
    ]
    cut = f", {CONFUSIONS} of {count(len(found))}" if len(found) > CONFUSIONS else ""
    return Table(f"Confusions of either model{cut}", columns, rows)


def facts(sides: Sides) -> Table:
    """Both sides' model, data and settings."""
    columns = [Column("", numeric=False), Column("Candidate", numeric=False), Column("Baseline", numeric=False)]
    both = (sides.comparison.candidate, sides.comparison.baseline)
    settings = [side.settings for side in both]
    lines = [
        ("Model", [display_name(side.model.file) for side in both]),
        ("Format", [display_name(side.model.format) for side in both]),
        ("SHA-256", [side.model.digest(24) for side in both]),
        ("Data", [display_name(side.data.name) for side in both]),
        ("Fingerprint", [side.data.fingerprint[:24] + "\N{HORIZONTAL ELLIPSIS}" for side in both]),
        ("Pairs audited", [count(side.pairs) for side in both]),
        ("Profile", [display_name(s.profile) for s in settings]),
        ("Generator", [display_name(s.generator) for s in settings]),
        ("Sources a class", [count(s.samples_per_class) for s in settings]),
        ("Seed", [str(s.seed) for s in settings]),
        ("Device", [display_name(s.device) for s in settings]),
        ("Gate", [STATUSES[side.gate].word for side in both]),
        ("Tool", [f"{display_name(side.tool.name)} {display_name(side.tool.version)}" for side in both]),
    ]
    return Table("Both audits", columns, [[Cell(name), *(Cell(text) for text in texts)] for name, texts in lines])


def missing(sides: Sides) -> str:
    """What could not be compared, in a sentence; empty where everything could."""
    found = sides.comparison
    none = [d.title for id, d in found.definitions.items() if isinstance(found.summary.get(id, None), NotMeasured)]
    if not none:
        return ""
    return f"{plural(len(none), 'measure')} could be compared nowhere: {'; '.join(none)}."


def _number(n: int) -> Cell:
    return Cell(count(n), sort=str(n))


def _values(compared: Compared) -> list[Cell]:
    return [_value(compared.candidate), _value(compared.baseline), _value(compared.difference, change=True)]


def _value(measure: Measured, change: bool = False) -> Cell:
    if not isinstance(measure, Measure):
        return Cell("n. m.", muted=True)
    text = signed(measure) if change else shown(measure)
    value = text.value
    if is_share(measure.scale):
        value = value.replace("\N{NARROW NO-BREAK SPACE}%", "")
    return Cell(value, text.interval, sort=repr(measure.value))


def _change(place: Place) -> Cell:
    return Cell("", status=CHANGES[place.compared.change])
