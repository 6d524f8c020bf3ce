"""What a person at the terminal should know when an audit ends, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from auditor.documents.results import LEVELS, Gate, Measure, Results


def summary_lines(results: Results, written: Sequence[Path]) -> Iterator[str]:
    """Lines in the order of a report: what stands against the numbers, the numbers, the files."""
    listed = {rule.id for rule in results.gate.rules}
    for check in results.validity:
        if check.status != "ok" and f"validity.{check.id}" not in listed:
            yield f"{check.status}: {check.message}"
    accuracy = results.performance.accuracy
    if isinstance(accuracy, Measure):
        interval = f"{accuracy.value:.1%} [{accuracy.low:.1%} to {accuracy.high:.1%}]"
        yield f"{results.model.file} on {results.data.name}: accuracy {interval}, n {accuracy.n}"
    found = sum(d.generation.boundary for pair in results.pairs for d in pair.directions)
    asked = sum(d.generation.requested for pair in results.pairs for d in pair.directions)
    pairs = "1 pair" if len(results.pairs) == 1 else f"{len(results.pairs)} pairs"
    levels = results.coverage.levels
    depth = (
        f" ({', '.join(f'{levels[level]} {level}' for level in reversed(LEVELS) if level in levels)})" if levels else ""
    )
    yield f"{found:,} boundary instances from {asked:,} sources, {pairs}{depth}"
    fragile = [pair for pair in results.summary.ranking if pair in _measured(results)][:3]
    if len(fragile) > 1:
        names = results.data.class_names
        yield f"ranked first: {', '.join(f'{names[a]} and {names[b]}' for a, b in fragile)}"
    if results.gate.status != "not_configured":
        yield from _gate(results.gate)
    yield f"wrote {', '.join(str(file) for file in written)}"


def _gate(gate: Gate) -> Iterator[str]:
    """What does not pass, and the verdict."""
    for rule in gate.rules:
        if rule.status != "pass":
            yield f"{rule.status if rule.status in ('warn', 'waived') else 'fail'}: {rule.id}: {rule.message}"
    waived = f", {gate.waived} waived" if gate.waived else ""
    passing = sum(rule.status == "pass" for rule in gate.rules)
    yield f"gate {gate.status}, {passing} of {len(gate.rules)} rules pass{waived}"


def failing(gate: Gate) -> str:
    """A failed gate in one line: the rules that fail it by name."""
    names = [rule.id for rule in gate.rules if rule.status in ("fail", "not_measured")]
    return f"the gate failed: {len(names)} of {len(gate.rules)} rules do not pass: {', '.join(names)}"


def _measured(results: Results) -> set[tuple[int, int]]:
    """Classes of the pairs that have the measure by which pairs are ranked."""
    by = results.summary.ranked_by
    return {
        pair.classes
        for pair in results.pairs
        if any(isinstance(direction.characteristics.get(by), Measure) for direction in pair.directions)
    }
