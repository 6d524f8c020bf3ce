"""The section on planted regressions: smallest size caught, verdicts, misses, rules and the pairs that changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import fmean

from auditor.documents.comparison import ComparedMean, Comparison, Moved
from auditor.documents.results import Measure
from benchmarks.regressions.detection import SEEDS, Row, Verdict, promises, smallest_caught
from benchmarks.regressions.judges import FIRST, RELATIVE
from benchmarks.regressions.page import Lines, short
from benchmarks.regressions.planted import DATA, EPOCHS, KINDS, LABELS, NOISE, SAMPLE, TUNING_EPOCHS


def detection_section(rows: Sequence[Row], profiles: Sequence[str]) -> Lines:
    """Which planted regressions are caught, the misses named."""
    columns = [(profile, judge) for judge in (FIRST, RELATIVE) for profile in profiles]
    names = " | ".join(f"{profile}, {judge}" for profile, judge in columns)
    yield "## Planted regressions"
    yield ""
    yield "What has to be so:"
    yield ""
    for promise in promises(rows):
        broken = f"not so: {'; '.join(promise.broken)}" if promise.broken else "so"
        yield f"- {promise.text}: {broken}."
    yield ""
    yield f"Each model is audited under seed {' and '.join(map(str, SEEDS))} and judged by the policies of the"
    yield f"unchanged model's audit under seed {SEEDS[0]}. {NOISE.capitalize()}: Gaussian, in deviations of each"
    yield f"tensor. {LABELS.capitalize()}: {TUNING_EPOCHS} epochs more, with that share of labels wrong."
    yield f"{DATA.capitalize()}: that share of both, before training. {EPOCHS.capitalize()}:"
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
    yield from _compared(rows, profiles)


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


def _compared(rows: Sequence[Row], profiles: Sequence[str]) -> Lines:
    yield "### What compare says"
    yield ""
    yield f"Of each model against the unchanged one, both under seed {SEEDS[0]}. Mean: change of the margin over the"
    yield "directions, as a share of the baseline's mean, with its 95 % interval. Closer, farther: directions beyond"
    yield "chance (signed-rank test on common samples, Holm), then samples that moved by more than 2 % of their margin."
    yield "Losses: what else got worse; lost: places whose headline measure can no longer be taken."
    yield ""
    yield "| regression | size | profile | verdict | mean | closer | farther | samples closer | farther | losses |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        for profile in profiles:
            if profile in row.comparisons:
                yield f"| {row.planted.kind} | {row.planted.size} | {profile} | {_said(row.comparisons[profile])} |"


def _said(found: Comparison) -> str:
    mean, moved = found.summary[found.ranked_by], found.moved
    if isinstance(mean, ComparedMean):
        before = [
            d.characteristics[found.ranked_by].baseline for pair in found.pairs for d in pair.directions
            if found.ranked_by in d.characteristics
        ]  # fmt: skip
        scale = fmean(m.value for m in before if isinstance(m, Measure))
        value, low, high = (end / scale for end in (mean.difference.value, mean.difference.low, mean.difference.high))
        numbers = f"{value:+.1%} [{low:+.1%}, {high:+.1%}] | {mean.worse} | {mean.better}"
    else:
        numbers = "not measured | |"
    shares = " | |"
    if isinstance(moved, Moved):
        shares = f" | {moved.closer / moved.samples:.0%} | {moved.farther / moved.samples:.0%}"
    losses = ", ".join(f"{reason.id} {reason.count}" for reason in found.losses)
    return f"{found.verdict} | {numbers}{shares} | {losses}"
