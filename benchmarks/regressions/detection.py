"""Planted regressions before the judges of the unchanged model's audit under seed 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from auditor.documents.comparison import Comparison
from auditor.documents.results import Gate, Measure, Results
from auditor.policy.compare import compare
from benchmarks.regressions.audits import Audits
from benchmarks.regressions.judges import RELATIVE, judges
from benchmarks.regressions.planted import LABELS, NOISE, UNCHANGED, Planted

DIFFERENT_FROM, STOPPED_FROM = 0.05, 0.2
"""Noise on the weights from which on compare and the gate against the baseline have to notice it."""
SEEDS = (0,)
SHOWN = 5


@dataclass(frozen=True)
class Verdict:
    """What a judge said of one audit.

    Args:
        status: ``refused`` is a job that fails without results.
        rules: that failed.
        missing: that failed because a number could not be measured everywhere.
    """

    status: Literal["passed", "warned", "failed", "refused"]
    rules: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def caught(self) -> bool:
        """Whether a CI job stops here."""
        return self.status in ("failed", "refused")


@dataclass
class Row:
    """One planted model.

    Args:
        planted: what it is.
        verdicts: by profile, judge and seed.
        results: of the last profile under the first seed.
        comparisons: by profile, of the results under the first seed with the unchanged model's.
    """

    planted: Planted
    verdicts: dict[tuple[str, str, int], Verdict] = field(default_factory=dict)
    results: Results | None = None
    comparisons: dict[str, Comparison] = field(default_factory=dict)

    def of(self, profile: str, judge: str) -> list[Verdict]:
        """The verdicts under each seed."""
        return [verdict for (p, j, _), verdict in self.verdicts.items() if (p, j) == (profile, judge)]


def rows(audits: Audits, profiles: Sequence[str], models: Sequence[Planted]) -> Iterator[Row]:
    """Audit and judge planted models at every profile under every seed."""
    accepted = {profile: accepted_audit(audits, profile) for profile in profiles}
    judging = {profile: judges(results) for profile, results in accepted.items()}
    for model in models:
        row, file = Row(model), model.file()
        for profile in profiles:
            for seed in SEEDS:
                found = audits.of(file, profile, seed).results
                for name, judge in judging[profile].items():
                    row.verdicts[profile, name, seed] = verdict(judge.gate(found) if found else None)
                if found and seed == SEEDS[0]:
                    row.results, row.comparisons[profile] = found, compare(found, accepted[profile])
        yield row


def accepted_audit(audits: Audits, profile: str, seed: int = SEEDS[0]) -> Results:
    """The unchanged model's audit."""
    audited = audits.of(UNCHANGED, profile, seed)
    assert audited.results is not None, audited.said
    return audited.results


@dataclass(frozen=True)
class Promise:
    """Something that has to be so of every planted model, and where it is not."""

    text: str
    broken: list[str]


def promises(rows: Sequence[Row]) -> list[Promise]:
    """What ``compare`` and the gate against the baseline promise, checked."""
    different, stopped, green, farther = [], [], [], []
    for row in rows:
        noise = float(row.planted.size) if row.planted.kind == NOISE else 0.0
        for profile, comparison in row.comparisons.items():
            name = f"{row.planted.kind} {row.planted.size} at {profile}: {comparison.verdict}"
            if noise >= DIFFERENT_FROM and comparison.verdict != "different":
                different.append(name)
            if row.planted.kind == LABELS and comparison.verdict not in ("closer", "different"):
                farther.append(name)
            accuracy, before = comparison.accuracy.candidate, comparison.accuracy.baseline
            measured = isinstance(accuracy, Measure) and isinstance(before, Measure)
            if measured and accuracy.value < before.value / 2 and comparison.good:
                green.append(name)
        for (profile, judge, _), found in row.verdicts.items():
            if judge == RELATIVE and noise >= STOPPED_FROM and not found.caught:
                stopped.append(f"{row.planted.kind} {row.planted.size} at {profile}")
    return [
        Promise(f"compare calls noise on the weights a different boundary from {DIFFERENT_FROM} on", different),
        Promise(f"the gate against the baseline stops noise on the weights from {STOPPED_FROM} on", stopped),
        Promise("a model fine-tuned on label noise is called closer or different", farther),
        Promise("a model that lost half of its accuracy is never good news", green),
    ]


def verdict(gate: Gate | None) -> Verdict:
    """A gate in short; None where the audit refused the model."""
    if gate is None:
        return Verdict("refused")
    if gate.status == "failed":
        failed, missing = (
            tuple(rule.id for rule in gate.rules if rule.status == status) for status in ("fail", "not_measured")
        )
        return Verdict("failed", failed, missing)
    return Verdict("warned" if any(rule.status == "warn" for rule in gate.rules) else "passed")


def smallest_caught(caught: Sequence[tuple[str, bool]]) -> str | None:
    """The smallest size from which on every greater one is caught too; None where not even the greatest is.

    Args:
        caught: sizes, from the smallest regression to the greatest, and whether each is caught under every seed.

    >>> smallest_caught([("0.02", True), ("0.05", False), ("0.1", True), ("0.2", True)])
    '0.1'
    """
    found = None
    for size, yes in reversed(caught):
        if not yes:
            break
        found = size
    return found
