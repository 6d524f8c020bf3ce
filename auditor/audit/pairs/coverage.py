"""What part of the class pairs an audit covers, and what is missing of what was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb

from auditor.audit.model_facts.predictions import Predictions
from auditor.audit.pairs.selection import Selection
from auditor.documents.results import Coverage, Measure, Measured, NotMeasured
from auditor.documents.results import Pair as AuditedPair
from auditor.functional.statistics import wilson
from auditor.numbers.class_pairs import Pair


def coverage_of(
    selected: Selection,
    audited: Sequence[AuditedPair],
    failed: Mapping[Pair, str],
    train: Predictions,
    test: Predictions,
    *,
    named: bool,
) -> Coverage:
    """Coverage of an audit.

    Args:
        selected: pairs wanted, and how they were chosen.
        audited: pairs done.
        failed: why a pair could not be measured.
        train, test: the artefact's answers.
        named: whether the user asked for these very pairs. Automatic pairs that the time did not allow are not
            missing, those that failed are.
    """
    done = {pair.classes for pair in audited}
    missing = [pair for pair in selected.pairs if pair not in done and (named or pair in failed)]
    late = len(done) + len(failed) < len(selected.pairs)
    reasons = ["the time budget was spent"] * late
    for reason in dict.fromkeys(failed.values()):  # often that of many pairs
        (a, b), *others = (pair for pair, said in failed.items() if said == reason)
        reasons.append(f"{a}:{b}{f' and {len(others):,} more' if others else ''} could not be measured: {reason}")
    return Coverage(
        possible=comb(len(train.classes), 2),
        requested=len(selected.pairs),
        audited=len(done),
        chosen=selected.only(done).text,
        errors_covered=_errors_covered(test, done),
        missing=missing,
        empty=[(d.source, d.target) for pair in audited for d in pair.directions if not d.generation.boundary],
        reason="; ".join(reasons),
    )


def _errors_covered(test: Predictions, pairs: set[Pair]) -> Measured:
    wrong = test.finite & ~test.correct
    labels, said = test.split.labels[wrong].tolist(), test.predicted[wrong].tolist()
    if not labels:
        return NotMeasured(not_measured="the model makes no error on the test split")
    covered = sum((min(a, b), max(a, b)) in pairs for a, b in zip(labels, said, strict=True))
    share = wilson(covered, len(labels))
    return Measure(
        value=share.value,
        ci_low=share.low,
        ci_high=share.high,
        n=len(labels),
        unit="share of test errors",
        direction="higher is more complete",
    )
