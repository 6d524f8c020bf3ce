"""One row of the matrix: what was measured of one file, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["right", "refused", "wrong", "not built"]


@dataclass
class Row:
    """What was measured of one file.

    Args:
        name: of the case.
        held_out: nobody looked at the file while the importer was written.
        verdict: ``right``; ``refused`` for the reason that was expected; ``wrong``; ``not built``: its package is not
            installed, or its exporter cannot write it.
        source: who computed the reference.
        head: what the product says that the scores are.
        scores, parity: largest difference of the scores, of the gradient route's logits, as a share of scale.
        gradient: how far from whose.
        embedding: its size.
        batches: sizes that gave a right number of rows.
        seconds: to open the file.
        problems: why it is wrong.
        notes: what else the product said.
        note: the text of the last column.
    """

    name: str
    held_out: bool
    verdict: Verdict = "wrong"
    source: str = ""
    head: str = ""
    scores: float | None = None
    parity: float | None = None
    gradient: str = ""
    embedding: str = ""
    batches: list[int] = field(default_factory=list)
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    note: str = ""

    def judged(self, verdict: Verdict, note: str) -> Row:
        """The same row with its verdict."""
        self.verdict, self.note = verdict, note
        return self
