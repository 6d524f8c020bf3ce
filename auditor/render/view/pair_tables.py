"""Tables of a pair: every measure in both directions with its baselines, and what became of every search."""

from __future__ import annotations

from auditor.documents.results import Baseline, Definition, Direction, Generation, Measure, Measured, NotMeasured, Pair
from auditor.render.names import display_text
from auditor.render.rounding import count, number, shown, unit_words
from auditor.render.view.lookups import Audit, generator_name
from auditor.render.view.margins import beside_quantile
from auditor.render.view.page_parts import Cell, Column, Table, is_farther, unknown
from auditor.render.view.pair_figures import class_role


def measures(audit: Audit, pair: Pair) -> Table:
    """Every measure of the pair: generated instances and baselines of both directions."""
    columns = [Column("Measure", numeric=False)]
    both = sorted(pair.directions, key=lambda d: (d.source, d.target) != pair.classes)
    for d in both:
        role = class_role(pair, d.source)
        columns.append(Column(audit.arrow((d.source, d.target)), generator_name(audit), role=role))
        columns += [Column("", generator_name(audit, name), role=role) for name in _present(audit, both)]
    rows = [_measure_row(audit, id, definition, pair, both) for id, definition in _used(audit, pair)]
    return Table(f"Every measure of {audit.name(pair.classes[0])} and {audit.name(pair.classes[1])}", columns, rows)


def _present(audit: Audit, both: list[Direction]) -> list[str]:
    """Baselines that any of the directions has."""
    return [name for name in audit.baselines if any(name in direction.baselines for direction in both)]


def _used(audit: Audit, pair: Pair) -> list[tuple[str, Definition]]:
    """Measures with a value anywhere in the pair; those without one are listed with their reason elsewhere."""
    holders = [pair.characteristics, *(d.characteristics for d in pair.directions)]
    holders += [b.characteristics for d in pair.directions for b in d.baselines.values() if isinstance(b, Baseline)]
    present = {id for holder in holders for id, value in holder.items() if isinstance(value, Measure)}
    present |= {id for d in pair.directions for id, value in d.characteristics.items() if is_farther(value)}
    return [(id, d) for id, d in audit.definitions.items() if id in present]


def _measure_row(audit: Audit, id: str, definition: Definition, pair: Pair, both: list[Direction]) -> list[Cell]:
    row = [Cell(definition.title, unit_words(definition), href=f"define-{id}")]
    present = _present(audit, both)
    for k, d in enumerate(both):
        if definition.scope == "pair":
            row.append(_cell(pair.characteristics.get(id), definition) if k == 0 else Cell(""))
            row += [Cell("")] * len(present)
            continue
        row.append(_cell(d.characteristics.get(id), definition, beside_quantile(d, id)))
        for name in present:
            baseline = d.baselines.get(name)
            row.append(
                _cell(baseline.characteristics.get(id), definition) if isinstance(baseline, Baseline) else Cell("")
            )
    return row


def _cell(value: Measured | None, definition: Definition, more: str = "") -> Cell:
    if value is None:
        return Cell("")
    if isinstance(value, NotMeasured):
        return Cell(unknown(value), muted=True, more=more)
    text = shown(value)
    return Cell(text.value, text.interval, sort=repr(value.value), more=more)


def counts(audit: Audit, pair: Pair) -> Table:
    """What became of every search, for the generator and the baselines."""
    columns = [
        Column("Searches", numeric=False),
        *(Column(head) for head in ("started", "adversarial", "and back", "on boundary")),
        Column("success", "95 % interval"),
        Column("steps", "mean"),
        Column("first stopped by", "most often", numeric=False),
    ]
    rows = []
    for d in sorted(pair.directions, key=lambda d: (d.source, d.target) != pair.classes):
        label = audit.arrow((d.source, d.target))
        rows.append(_count_row(audit, Cell(label, generator_name(audit)), d.generation))
        for name, baseline in d.baselines.items():
            head = Cell(label, generator_name(audit, name))
            if isinstance(baseline, NotMeasured):
                rows.append([head, Cell("n. m.", muted=True), *[Cell("")] * 6])
            else:
                rows.append(_count_row(audit, head, baseline.generation))
    return Table(
        f"What became of every search between {audit.name(pair.classes[0])} and {audit.name(pair.classes[1])}",
        columns,
        rows,
    )


def _count_row(audit: Audit, head: Cell, g: Generation) -> list[Cell]:
    success = shown(g.success_rate) if isinstance(g.success_rate, Measure) else None
    steps = "n. m." if isinstance(g.mean_bisection_steps, NotMeasured) else number(g.mean_bisection_steps)
    return [
        head,
        *(Cell(count(n)) for n in (g.requested, g.adversarial, g.adversarial_of_adversarial)),
        Cell(count(g.boundary), _notes(g)),
        Cell(success.value, success.interval) if success else Cell("n. m.", muted=True),
        Cell(steps),
        Cell(_loss(audit, g.third_class, g.failures)),
    ]


def _notes(g: Generation) -> str:
    """How many instances lie at a jump of the probabilities, and how many were reached by other means first."""
    said = [f"{count(n)} {display_text(means, 40)}" for means, n in g.rescued.items() if n]
    if g.jumps:
        said.append(f"{count(g.jumps)} at a jump")
    return "; ".join(said)


def _loss(audit: Audit, third: dict[str, int], failures: dict[str, int]) -> str:
    if third and sum(third.values()) * 2 >= sum(failures.values()):
        index, n = max(third.items(), key=lambda item: (item[1], item[0]))
        return f"class {audit.name(int(index))} ({count(n)})"
    if not failures:
        return ""
    reason, n = max(failures.items(), key=lambda item: (item[1], item[0]))
    return f"{display_text(reason, 60)} ({count(n)})"
