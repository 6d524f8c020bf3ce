"""The section on planted regressions: smallest size caught, verdicts, misses, rules and the pairs that changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from auditor.comparison import ComparedMean, Comparison
from auditor.results import Measure, harm
from benchmarks.regressions.detection import SEEDS, SHOWN, Row, Verdict, smallest_caught
from benchmarks.regressions.judges import FIRST, RELATIVE
from benchmarks.regressions.page import Lines, short
from benchmarks.regressions.planted import DATA, EPOCHS, KINDS, NOISE, SAMPLE


def detection_section(rows: Sequence[Row], profiles: Sequence[str]) -> Lines:
    """Which planted regressions are caught, the misses named."""
    columns = [(profile, judge) for judge in (FIRST, RELATIVE) for profile in profiles]
    names = " | ".join(f"{profile}, {judge}" for profile, judge in columns)
    yield "## Planted regressions"
    yield ""
    yield f"Each model is audited under seed {' and '.join(map(str, SEEDS))} and judged by the policies of the"
    yield f"unchanged model's audit under seed {SEEDS[0]}. {NOISE.capitalize()}: Gaussian, in deviations of each"
    yield f"tensor. {DATA.capitalize()}: that share of both, before training. {EPOCHS.capitalize()}:"
    yield f"{SAMPLE.recipe.epochs} make the unchanged model. int8: by ONNX Runtime, static as QDQ, seven-bit weights."
    yield ""
    yield "Smallest size from which on every size is caught under every seed:"
    yield ""
    yield f"| regression | sizes | {names} |"
    yield "|---|---|" + "---|" * len(columns)
    for kind in KINDS:
        those = [row for row in rows if row.planted.kind == kind]
        if those and not those[0].planted.control:
            cells = [_smallest(those, *column) for column in columns]
            yield f"| {kind} | {', '.join(row.planted.size for row in those)} | {' | '.join(cells)} |"
    yield ""
    yield "### Verdicts"
    yield ""
    yield f"| regression | size | accuracy | test errors | {names} |"
    yield "|---|---|---|---|" + "---|" * len(columns)
    for row in rows:
        cells = [_verdicts(row.of(*column)) for column in columns]
        yield f"| {row.planted.kind} | {row.planted.size} | {_performance(row)} | {' | '.join(cells)} |"
    yield ""
    yield from _misses(rows, columns)
    yield ""
    yield from _rules(rows, columns)
    yield ""
    yield from _changed(rows, profiles[-1])


def _smallest(rows: Sequence[Row], profile: str, judge: str) -> str:
    found = smallest_caught([(row.planted.size, all(v.caught for v in row.of(profile, judge))) for row in rows])
    return found or "none"


def _verdicts(some: Sequence[Verdict]) -> str:
    statuses = [verdict.status for verdict in some]
    return statuses[0] if len(set(statuses)) == 1 else " / ".join(statuses)


def _performance(row: Row) -> str:
    if row.results is None:
        return "refused |"
    confusion = row.results.performance.confusion
    total, right = sum(map(sum, confusion)), sum(line[i] for i, line in enumerate(confusion))
    return f"{right / total:.4f} | {total - right} of {total}"


def _misses(rows: Sequence[Row], columns: Sequence[tuple[str, str]]) -> Lines:
    """In plain words: regressions that pass under at least one seed, and what becomes of the controls."""
    for profile, judge in columns:
        missed = [row for row in rows if not row.planted.control and not all(v.caught for v in row.of(profile, judge))]
        names = "; ".join(f"{row.planted.kind} {row.planted.size}" for row in missed)
        yield f"- Missed under at least one seed at {profile}, {judge}: {names or 'none'}."
    for profile, judge in columns:
        found = [v.caught for row in rows if row.planted.control for v in row.of(profile, judge)]
        yield f"- Controls stopped at {profile}, {judge}: {sum(found)} of {len(found)} audits."


def _rules(rows: Sequence[Row], columns: Sequence[tuple[str, str]]) -> Lines:
    yield "### Rules that failed"
    yield ""
    yield f"In how many of {len(SEEDS)} audit{'s' * (len(SEEDS) > 1)} each. A rule also fails where its number could"
    yield "not be measured in every direction, such as one in which the boundary is out of reach."
    yield ""
    yield "| regression | size | profile | policy | beyond the limit | not measured |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        for profile, judge in columns:
            beyond = _counted(rule for verdict in row.of(profile, judge) for rule in verdict.rules)
            missing = _counted(rule for verdict in row.of(profile, judge) for rule in verdict.missing)
            if beyond or missing:
                yield f"| {row.planted.kind} | {row.planted.size} | {profile} | {judge} | {beyond} | {missing} |"


def _counted(rules: Iterable[str]) -> str:
    return ", ".join(f"{short(rule)} ({n})" for rule, n in Counter(rules).items())


def _changed(rows: Sequence[Row], profile: str) -> Lines:
    yield "### Pairs that changed most"
    yield ""
    yield f"As `deepdig-audit compare` ranks them against the unchanged model at {profile}, both under seed {SEEDS[0]}:"
    yield f"the {SHOWN} pairs whose margin got worse most clearly, with its change in the worse direction and, in"
    yield "brackets, in deviations; and the number of directions where it is worse or better beyond chance (Holm), and"
    yield "where it can no longer be measured, which the ranking puts last."
    yield ""
    yield f"| regression | size | {SHOWN} pairs | worse | better | no longer measured |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        if row.comparison is not None:
            pairs, measure = row.comparison.pairs[:SHOWN], row.comparison.summary[row.comparison.ranked_by]
            texts = [f"{p.classes[0]}:{p.classes[1]} {_change(row, i)} ({p.strength:.1f})" for i, p in enumerate(pairs)]
            news = f"{measure.worse} | {measure.better}" if isinstance(measure, ComparedMean) else "not measured |"
            yield f"| {row.planted.kind} | {row.planted.size} | {', '.join(texts)} | {news} | {_lost(row.comparison)} |"


def _lost(comparison: Comparison) -> int:
    """Directions whose margin was measured before and is not now."""
    found = [d.characteristics.get(comparison.ranked_by) for pair in comparison.pairs for d in pair.directions]
    return sum(isinstance(c.baseline, Measure) and not isinstance(c.candidate, Measure) for c in found if c)


def _change(row: Row, index: int) -> str:
    """The change of the ranked measure in the direction of a pair where it is worse."""
    assert row.comparison is not None
    id = row.comparison.ranked_by
    found = [
        d.characteristics[id].difference for d in row.comparison.pairs[index].directions if id in d.characteristics
    ]
    measured = [m for m in found if isinstance(m, Measure)]
    if not measured:
        return "not measured"
    return f"{max(measured, key=lambda m: harm(m.direction, m.value)).value:+.2f}"
