"""What part of the class pairs an audit covers, and what is missing of what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

from auditor.audit.pairs import Pair
from auditor.audit.predictions import Predictions
from auditor.functional.statistics import wilson
from auditor.results import Coverage, Measure, Measured, NotMeasured

AUTO = "auto"


def coverage_of(
    asked: str, chosen: str, requested: Sequence[Pair], audited: Sequence[Pair], train: Predictions, test: Predictions
) -> Coverage:
    """Coverage of an audit.

    Args:
        asked: the text of ``--pairs``. Automatic pairs that the time did not allow are not missing: nobody named them.
        chosen: how the pairs were chosen, in words.
        requested, audited: pairs wanted and pairs done.
        train, test: the artefact's answers.
    """
    done = set(audited)
    missing = [pair for pair in requested if pair not in done] if asked != AUTO else []
    return Coverage(
        possible=comb(len(train.classes), 2),
        requested=len(requested),
        audited=len(done),
        chosen=chosen,
        errors_covered=_errors_covered(test, done),
        missing=missing,
        reason="the time budget was spent" if len(done) < len(requested) else "",
    )


def _errors_covered(test: Predictions, pairs: set[Pair]) -> Measured:
    wrong = test.finite & ~test.correct
    labels, said = test.split.labels[wrong].tolist(), test.probabilities[wrong].argmax(dim=1).tolist()
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
