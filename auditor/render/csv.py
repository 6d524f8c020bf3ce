"""``samples.csv``: what the model says of every sample, and its nearest other class, one row a sample.

Rows are those of ``samples`` in results.json, the test split first; ``nearest`` is the other class with the smallest L2
margin of those that were tried from the sample. UTF-8 without a mark at its start, RFC 4180: comma, quotes doubled,
lines ended by CR LF; pandas and spreadsheet programs read both. File and class names stand as they are but for control
characters, and a text that a spreadsheet program would take for a formula has an apostrophe before it, as OWASP advises
against CSV injection.
"""

from __future__ import annotations

import csv
import datetime
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from auditor.documents.results import Direction, Results, SampleTable
from auditor.render.base import output
from auditor.render.rounding import number
from auditor.untrusted_text import SOFT, visible

COLUMNS = {
    "split": "`test` or `train`.",
    "index": "Place in the split, from 0.",
    "file": "Path below the data folder; blank for data that are no folder.",
    "label": "Class index that the data give.",
    "label_name": "Its name.",
    "predicted": "Class index that the model gives; blank where its output is not finite, as in the columns below.",
    "predicted_name": "Its name.",
    "p_label": "Probability of the label, between 0 and 1.",
    "logit_margin": "Logit of the label less the largest of the others.",
    "runner_up": "Index of the likeliest class other than the label.",
    "runner_up_name": "Its name.",
    "nearest": "Index of the class with the smallest L2 margin of those tried; blank where nothing was found.",
    "nearest_name": "Its name.",
    "margin_l2": "That margin: L2, pixels in [0, 1]; 0 where the model does not put the sample in its own class.",
    "margin_linf": "The margin to the same class as largest change of a pixel in [0, 1].",
    "flags": "What is said of it, parted by `; `: `misclassified`, `source` (a direction started from it), what "
    "a measure flags, `censored` and `farther than D` (nothing was found within that L2 distance).",
}
"""What each column holds."""
FORMULA = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}", "\N{FULLWIDTH HYPHEN-MINUS}",
           "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
"""First signs of a text that a spreadsheet program may take for a formula, whatever blanks and quotes stand before."""
BLANKS = " \t\r\n\"'\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}" + "".join(sorted(SOFT))
Split = Literal["test", "train"]


@dataclass(frozen=True)
class CsvOutput:
    """The samples as a table."""

    file_name: str = "samples.csv"
    summary: str = "every sample: label, prediction, nearest other class, margins and flags, for a spreadsheet"

    def render(self, results: Results, created: datetime.date | None = None) -> bytes:
        """The table as UTF-8; ``created`` is not part of it."""
        buffer = io.StringIO(newline="")
        table = csv.writer(buffer, lineterminator="\r\n")
        table.writerow(COLUMNS)
        table.writerows([_cell(value) for value in row.values()] for row in sample_rows(results))
        return buffer.getvalue().encode()


@dataclass
class Reached:
    """What the directions from a sample's class say of it: the nearest class, and flags."""

    target: int | None = None
    l2: float = math.inf
    linf: float | None = None
    flags: list[str] = field(default_factory=list)


def sample_rows(results: Results) -> Iterator[dict[str, str | float | None]]:
    """Every sample by column: names as they are, numbers as numbers, None for what is not known."""
    yield from _rows(results, "test", results.samples.test)
    yield from _rows(results, "train", results.samples.train)


def _rows(results: Results, split: Split, samples: SampleTable) -> Iterator[dict[str, str | float | None]]:
    names, reached = results.data.class_names, _reached(results, split)
    audited = {(d.source, d.target) for pair in results.pairs for d in pair.directions}

    def name(index: int | None) -> str | None:
        return names[index] if index is not None and 0 <= index < len(names) else None

    for i, index in enumerate(samples.index):
        found = reached.get(index, Reached())
        label, predicted, runner_up = samples.label[i], samples.predicted[i], samples.runner_up[i]
        if not found.l2 and predicted is not None and (label, predicted) in audited:
            found.target = predicted  # of all the targets at distance 0 it is the one where the sample lies
        wrong = ["misclassified"] if predicted is not None and predicted != label else []
        values = (
            split, index, samples.file[i] if samples.file else None, label, name(label), predicted, name(predicted),
            samples.p_label[i], samples.logit_margin[i], runner_up, name(runner_up), found.target, name(found.target),
            found.l2 if math.isfinite(found.l2) else None, found.linf, "; ".join([*wrong, *found.flags]),
        )  # fmt: skip
        yield dict(zip(COLUMNS, values, strict=True))


def _reached(results: Results, split: Split) -> dict[int, Reached]:
    """By place in the split, over all directions in their order."""
    reached: dict[int, Reached] = {}
    censored: dict[int, float | None] = {}
    for direction in (direction for pair in results.pairs for direction in pair.directions):
        for index in direction.sources.index if direction.sources.split == split else []:
            _flag(reached, index, "source")
        for flagged in direction.flagged:
            target = results.data.class_names[direction.target]
            for index in flagged.index if flagged.split == split else []:
                _flag(reached, index, f"{flagged.flag} from {target}")
        _nearer(direction, split, reached, censored)
    for index, tried in censored.items():
        if math.isinf(reached[index].l2):
            _flag(reached, index, "censored")
            if tried is not None:
                _flag(reached, index, f"farther than {number(tried)}")
    return reached


def _nearer(direction: Direction, split: Split, reached: dict[int, Reached], censored: dict[int, float | None]) -> None:
    """Keep the target with the smallest L2 margin; where nothing is found, what was tried, the least of all targets."""
    margins = direction.margins.get(split)
    if margins is None:
        return
    for index, l2, linf in zip(margins.index, margins.l2, margins.linf, strict=True):
        entry = reached.setdefault(index, Reached())
        if l2 is None:
            tried = [t for t in (censored.get(index), margins.tried_l2) if t is not None]
            censored[index] = min(tried, default=None)
        elif l2 < entry.l2:
            entry.target, entry.l2, entry.linf = direction.target, l2, linf


def _flag(reached: dict[int, Reached], index: int, flag: str) -> None:
    flags = reached.setdefault(index, Reached()).flags
    if flag not in flags:
        flags.append(flag)


def _cell(value: str | float | None) -> str:
    """A text made safe, a number with its own digits (it is no formula, whatever its sign), a blank for nothing."""
    return safe(value) if isinstance(value, str) else "" if value is None else repr(value)


def safe(text: str) -> str:
    """A text that no spreadsheet program takes for a formula."""
    # A name may hold half a surrogate pair, which no UTF-8 can.
    shown = visible(text.encode(errors="backslashreplace").decode(), keep="\t\r\n")
    return f"'{shown}" if shown.lstrip(BLANKS).startswith(FORMULA) or shown.startswith(("\t", "\r", "\n")) else shown


output("csv")(CsvOutput())
