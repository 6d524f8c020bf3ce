"""Single samples by name: a sentence that counts samples says which, and ``samples.csv`` has them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from auditor.documents.results import Pair, SampleTable
from auditor.render.names import display_name
from auditor.render.rounding import count
from auditor.render.view.lookups import Audit, Classes

NAMED = 3
"""Samples that a sentence names."""
FILE_LIMIT = 48
SEPARATION = "linear separation"
"""What the flag of those samples speaks of."""
TABLE = "samples.csv"
Sample = tuple[Literal["train", "test"], int]


def misclassified_in(audit: Audit, classes: Classes) -> list[Sample]:
    """Test samples of two classes that the model takes for one another, in the order of the split."""
    table, pair = audit.results.samples.test, set(classes)
    rows = zip(table.index, table.label, table.predicted, strict=True)
    return [("test", i) for i, label, said in rows if label != said and {label, said} == pair]


def taken_for(audit: Audit, label: int, predicted: int) -> list[Sample]:
    """Test samples of one class that the model takes for another one, in the order of the split."""
    table = audit.results.samples.test
    rows = zip(table.index, table.label, table.predicted, strict=True)
    return [("test", i) for i, true, said in rows if (true, said) == (label, predicted)]


def flagged_in(audit: Audit, pair: Pair) -> list[Sample]:
    """Samples on the wrong side of the embedding's linear separation, in the order of their split."""
    flags = [flag for direction in pair.directions for flag in direction.flagged if SEPARATION in flag.flag]
    return sorted({(flag.split, i) for flag in flags for i in flag.index})


def named(audit: Audit, samples: Sequence[Sample]) -> str:
    """The first of some samples by split and place, or file, and where the others are; nothing without samples."""
    if not samples:
        return ""
    files = {"test": _files(audit.results.samples.test), "train": _files(audit.results.samples.train)}
    first = [_name(split, i, files[split]) for split, i in samples[:NAMED]]
    more = len(samples) - len(first)
    rest = f" and {count(more)} more" if more else ""
    return f": {', '.join(first)}{rest}; all are in {TABLE}"


def _files(table: SampleTable) -> dict[int, str]:
    return dict(zip(table.index, table.file, strict=True)) if table.file else {}


def _name(split: str, index: int, files: dict[int, str]) -> str:
    return display_name(files[index], FILE_LIMIT) if index in files else f"{split} {index}"
