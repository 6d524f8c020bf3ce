"""The comparison's page: every word, number and figure of it, finished before the template."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from auditor.documents.comparison import Comparison
from auditor.documents.results import Measure
from auditor.render.comparison import maps, tables, words
from auditor.render.comparison.lookups import Sides
from auditor.render.names import display_name, display_text
from auditor.render.rounding import count, plural
from auditor.render.view.front import Flag
from auditor.render.view.page_parts import STATUSES, Figure, Sentence, Status, Table, Term

FRONT = 4
"""Directions in the table of page 1."""

MAP, SMALL_MAP = 296, 200
"""Width of a map, and of a map that stands beside two others."""

METHOD = (
    "Margins and accuracy are compared sample by sample wherever both audits have the same samples: the same "
    "data, split and place in it. The change of a margin is the typical change of a sample (Hodges and Lehmann, "
    "1963), its interval and its verdict are those of the signed-rank test (Wilcoxon; Pratt, 1959), and it need "
    "not equal the difference of the two medians. A change of less than 0.2 % of a margin is within the "
    "resolution of the search and counts as none; a sample from which no point was found counts as farther than "
    "what was tried. Accuracy, and confusions, are compared by the samples on which the models disagree (McNemar, "
    "1947; interval by Tango, 1998).",
    "Every other number stands beside the same number of the other audit. The interval of a difference then comes "
    "from both intervals: the squares of the distances from each value to the ends of its interval add up (Zou "
    "and Donner, 2008). Margins without common samples are compared in this way too, which finds less; the table "
    "of every measure says which. Confusions without them are compared by Fisher's exact test.",
    "A mean change is over these very directions or pairs, not about others; its interval comes from the interval of "
    "each change, and takes those that rest on common samples to be off together.",
    "A direction counts as worse or better only where chance explains so large a change in fewer than one "
    "comparison in twenty, over all places of the measure together (Holm, 1979). Intervals of numbers "
    "on generated instances allow for another training of the generator as it is over all directions; a single "
    "direction may move by more, so they are judged as if twice as wide. The distance to a generated instance is no "
    "merit and no fault: it is called changed, never better or worse.",
    "The boundary is called a different one where some directions are clearly closer and others clearly farther, "
    "or where at least a tenth of the common samples came closer by more than 2 % of their margin and at least a "
    "tenth went farther by as much. No verdict is good news while accuracy, the accuracy of a class, a confusion "
    "or a check got worse, or a number can no longer be measured.",
    "Where the candidate's file and the baseline's boundary instances were given, an instance counts as lying on "
    "the candidate's boundary too if the same two classes lead there and their probabilities differ by less than "
    "0.1; instances at which the baseline's own class jumps are left out.",
)


@dataclass(frozen=True)
class MeasureMaps:
    """Maps of one measure."""

    title: str
    figures: list[Figure]


@dataclass(frozen=True)
class CompareReport:
    """The whole page, ready to be set."""

    title: str
    created: str
    running: str
    flags: list[Flag]
    heading: str
    status: Status
    verdict: str
    reason: str
    terms: list[Term]
    findings: list[Sentence]
    front_maps: list[Figure]
    front_table: Table | None
    confidence: str
    plot: Figure | None
    pairs: Table | None
    kept: Table | None
    maps: list[MeasureMaps]
    measures: Table
    missing: str
    performance: Table
    confusions: Table | None
    facts: Table
    method: tuple[str, ...]


def build(comparison: Comparison, created: datetime.date | None = None) -> CompareReport:
    """Everything that the page shows.

    Args:
        comparison: the document.
        created: date to print, None prints none.
    """
    sides = Sides(comparison)
    status, verdict, reason = words.verdict(sides)
    ranked = comparison.definitions.get(comparison.ranked_by)
    front = maps.side_by_side(sides, comparison.ranked_by, ranked, MAP, named=True) if ranked else []
    return CompareReport(
        title=f"{sides.candidate} against {sides.baseline}",
        created=created.isoformat() if created else "",
        running=f"{display_name(comparison.candidate.model.file, 40)} \N{MIDDLE DOT} {status.word}",
        flags=[Flag(STATUSES[f.status], display_text(f.message)) for f in comparison.flags],
        heading=sides.candidate,
        status=status,
        verdict=verdict,
        reason=reason,
        terms=_terms(sides, created),
        findings=words.findings(sides),
        front_maps=front,
        front_table=tables.changed(sides, FRONT, news_only=True),
        confidence=_confidence(sides),
        plot=maps.dot_plot(sides, comparison.ranked_by, ranked) if ranked else None,
        pairs=tables.changed(sides, tables.MOST, news_only=False),
        kept=tables.kept(sides),
        maps=_maps(sides),
        measures=tables.measures(sides),
        missing=tables.missing(sides),
        performance=tables.performance(sides),
        confusions=tables.confusions(sides),
        facts=tables.facts(sides),
        method=METHOD,
    )


def _terms(sides: Sides, created: datetime.date | None) -> list[Term]:
    candidate, baseline = sides.comparison.candidate, sides.comparison.baseline
    data = display_name(candidate.data.name)
    if candidate.data.fingerprint != baseline.data.fingerprint:
        data = f"{data}; the baseline: {display_name(baseline.data.name)}, other data"
    terms = [
        Term("Candidate", f"{sides.candidate}, {candidate.model.digest(12)}"),
        Term("Baseline", f"{sides.baseline}, {baseline.model.digest(12)}"),
        Term("Data", data),
        Term("Audits", f"profile {display_name(candidate.settings.profile)}, seed {candidate.settings.seed}; "
             f"the baseline: {display_name(baseline.settings.profile)}, seed {baseline.settings.seed}"),
    ]  # fmt: skip
    if created is not None:
        terms.append(Term("Date", f"{created.day} {created:%B %Y}"))
    return terms


def _maps(sides: Sides) -> list[MeasureMaps]:
    found = []
    for id, definition in sides.headlines.items():
        both = maps.side_by_side(sides, id, definition, SMALL_MAP, named=False)
        third = maps.differences(sides, id, definition, SMALL_MAP)
        if figures := [*both, *([third] if third else [])]:
            found.append(MeasureMaps(definition.title, figures))
    return found


def _confidence(sides: Sides) -> str:
    return (
        f"Over {plural(len(sides.comparison.pairs), 'class pair')} that both audits have, in both directions, and "
        f"{_samples(sides)}; intervals in brackets are 95 %."
    )


def _samples(sides: Sides) -> str:
    accuracy = sides.comparison.accuracy.candidate
    return f"{count(accuracy.n)} test samples" if isinstance(accuracy, Measure) else "no test samples"
