"""Tasks: what of an audit one worker does at a time."""

from __future__ import annotations

from typing import Literal

from auditor.documents.results import Document

PAIRS = "class pairs"
"""Name of the stage that takes nearly all of the time, as progress has it."""
STEPS = 1000
"""Steps of progress for each pair of that stage."""
Kind = Literal["full", "baselines"]
"""All that is measured on class pairs; baselines of one pair whose page in the report shows them."""


class Task(Document):
    """Work on some class pairs, the same wherever and whenever it is done.

    Args:
        kind: what is done.
        pairs: on which; a part is made of them together, in this order.
    """

    kind: Kind
    pairs: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        (a, b), *others = self.pairs
        return f"pair {a}:{b}{f' and {len(others)} more' if others else ''}"
