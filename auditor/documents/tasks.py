"""Tasks: what of an audit one worker does at a time."""

from __future__ import annotations

from typing import Literal

from auditor.documents.pair_outcomes import ScreenedPair
from auditor.documents.results import Document

PAIRS = "class pairs"
"""Name of the stage that takes nearly all of the time, as progress has it."""
STEPS = 1000
"""Steps of progress for each pair of that stage."""
Kind = Literal["screen", "outline", "full", "baselines"]
"""First margins of class pairs; every measure on a few instances that took no training; all that the profile asks for;
baselines of one pair whose page in the report shows them."""


class Task(Document):
    """Work on some class pairs, the same wherever and whenever it is done.

    Args:
        kind: what is done.
        pairs: on which; a part is made of them together, in this order.
        known: what screening has found of them, on which this goes on; of some of them or of none.
        samples: to ``screen``, the test samples of a class whose margins are known afterwards.
        seconds: after which it is cut off, so that it yields nothing; None sets no bound.
    """

    kind: Kind
    pairs: tuple[tuple[int, int], ...]
    known: tuple[ScreenedPair, ...] = ()
    samples: int = 0
    seconds: float | None = None

    def __str__(self) -> str:
        (a, b), *others = self.pairs
        return f"pair {a}:{b}{f' and {len(others)} more' if others else ''}"
