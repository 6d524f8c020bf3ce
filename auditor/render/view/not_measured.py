"""What was not measured and why, and what this audit cannot tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from auditor.documents.results import Generation, NotMeasured
from auditor.render.names import display_text
from auditor.render.rounding import count, plural
from auditor.render.view.lookups import Audit
from auditor.render.view.page_parts import Cell, Column, Table
from auditor.render.view.summary_words import missing_pairs

ROWS = 60


@dataclass(frozen=True)
class Limits:
    """The section on what is missing."""

    text: str
    missing: Table | None
    limits: list[str]


def limits(audit: Audit) -> Limits:
    """The section, from the results."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for what, reason, where in _missing(audit):
        places[what, reason].append(where)
    if not places:
        return Limits("Everything that this audit set out to measure was measured.", None, _limits(audit))
    together: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (what, reason), found in places.items():
        together[reason, tuple(found)].append(what)
    rows = [
        [Cell(_some(names)), Cell(display_text(reason, 240)), Cell(_some(list(found), "place"))]
        for (reason, found), names in list(together.items())[:ROWS]
    ]
    cut = f", the first {ROWS} of {count(len(together))} kinds" if len(together) > ROWS else ""
    columns = [Column("Not measured", numeric=False), Column("Reason", numeric=False), Column("Where", numeric=False)]
    text = (
        "A number that could not be measured is left out, never guessed. Where a table says n. m., the reason is here."
    )
    return Limits(text, Table(f"Not measured{cut}", columns, rows), _limits(audit))


def _missing(audit: Audit) -> Iterator[tuple[str, str, str]]:
    results = audit.results
    for what, value in (("Accuracy", results.performance.accuracy), ("Calibration error", results.performance.ece),
                        ("Calibration against chance", results.performance.calibration),
                        ("Gradients", results.model.gradient),
                        ("Agreement of gradient route and runtime", results.model.parity),
                        ("Embedding", results.model.embedding)):  # fmt: skip
        if isinstance(value, NotMeasured):
            yield what, value.not_measured, "the model"
    for entry in results.performance.per_class:
        if isinstance(entry.accuracy, NotMeasured):
            yield "Accuracy of a class", entry.accuracy.not_measured, audit.name(entry.index)
    for pair in results.pairs:
        for d in pair.directions:
            place = audit.arrow((d.source, d.target))
            if pair.level != "screened" and not d.generation.boundary:
                yield "Boundary instances", _nothing_reached(d.generation), place
            yield from _of_direction(audit, d.characteristics, place, "")
            if isinstance(d.samples, NotMeasured):
                yield "Sample images", d.samples.not_measured, place
            for name, baseline in d.baselines.items():
                if isinstance(baseline, NotMeasured):
                    yield f"Baseline {name.upper()}", baseline.not_measured, place
                else:
                    yield from _of_direction(audit, baseline.characteristics, place, f", {name.upper()}")
        yield from _of_direction(audit, pair.characteristics, audit.dash(pair.classes), "")


def _nothing_reached(generation: Generation) -> str:
    """Why a direction has no boundary instance, by the reason that most searches failed with."""
    if not generation.failures:
        return f"none of {count(generation.requested)} searches reached the boundary"
    reason, n = max(generation.failures.items(), key=lambda item: (item[1], item[0]))
    return f"none of {count(generation.requested)} searches reached the boundary; {count(n)}: {reason}"


def _of_direction(audit: Audit, characteristics: object, place: str, suffix: str) -> Iterator[tuple[str, str, str]]:
    assert isinstance(characteristics, dict)
    for id, value in characteristics.items():
        if isinstance(value, NotMeasured):
            definition = audit.results.definitions.get(id)
            yield (definition.title if definition else display_text(id)) + suffix, value.not_measured, place


def _some(names: list[str], word: str = "measure") -> str:
    """Three names, or two and how many more."""
    if len(names) <= 3:
        return "; ".join(names)
    return f"{'; '.join(names[:2])} and {plural(len(names) - 2, f'other {word}')}"


def _seen(audit: Audit) -> str:
    """Whether the model has learned from the test samples, as far as anybody says."""
    if audit.results.data.split_by_tool:
        return "which the tool drew itself: nothing says whether the model has learned from them"
    return "which the model has not seen"


def _limits(audit: Audit) -> list[str]:
    """What the numbers cannot tell, as far as it applies to this audit."""
    pairs = len(audit.results.pairs)
    said = [
        "A distance is an upper bound: the boundary may be nearer in a direction that neither the "
        "generator nor the attack took.",
        f"Boundary instances start from training samples; margins are of test samples, {_seen(audit)}. "
        "Neither says anything about samples unlike these data.",
        "The distance to a generated instance says how far the generator walked, not how safe the model is.",
        "Intervals cover the sampling of instances. They do not cover retraining the model or a shift of the data. "
        "The interval of a mean is about the pairs that were audited, not about others.",
    ]
    said[:0] = missing_pairs(audit)
    if audit.part:
        verb = "was" if pairs == 1 else "were"
        said.insert(0, f"Only {plural(pairs, 'pair')} of {count(audit.possible)} {verb} audited.")
    if isinstance(audit.results.model.gradient, NotMeasured):
        said.append("Without gradients the search for the boundary is blind; distances are looser than usual.")
    if audit.results.data.skipped:
        said.append(f"{plural(len(audit.results.data.skipped), 'file')} of the data could not be read.")
    return said
