"""Whether results.json agrees with itself: what an audit writes follows from a few counts, and is derived again.

Values lie inside their intervals, shares are the counts that stand beside them, the confusion matrix is that of the
sample table, the summary and the ranking are those of the directions, coverage is that of the pairs, the gate's status
is what its rules say. What disagrees was not written by this tool, or was changed since; nothing is decided on it,
compared with it or drawn from it. A document that was made up as a whole may agree with itself: see docs/ci.md.

No torch: ``gate``, ``render``, ``compare`` and ``init-policy`` run without it.
"""

from __future__ import annotations

from collections.abc import Iterator

from auditor.documents.agreement import boundary, samples, sizes, verdicts
from auditor.documents.agreement.numbers import Contradiction
from auditor.documents.results import Results
from auditor.errors import InputRefused


def check_agreement(results: Results, source: str) -> None:
    """Refuse results that contradict themselves.

    Args:
        source: name of the file, for the message.
    Raises:
        InputRefused: with the first contradiction.
    """
    first = next(contradictions(results), None)
    if first is not None:
        raise InputRefused(
            f"results that agree with themselves: {first.where} {first.expected}",
            f"{first.found} in {source}",
            "give the file as an audit by this version wrote it",
        )


def contradictions(results: Results) -> Iterator[Contradiction]:
    """Everything in which results contradict themselves; each part relies on those before it."""
    for part in (
        sizes.bounded,
        samples.model_and_data,
        verdicts.definitions,
        samples.performance,
        samples.sample_tables,
        boundary.pairs,
        verdicts.coverage,
        verdicts.validity,
        verdicts.summary,
        verdicts.gate,
    ):
        found = False
        for contradiction in part(results):
            found = True
            yield contradiction
        if found:
            return
