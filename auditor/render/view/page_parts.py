"""What a finished page is made of: words, tables and figures in which nothing is left to compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from auditor.documents.results import Measured, NotMeasured
from auditor.render.names import display_text

StatusKind = Literal["pass", "warn", "fail", "unknown"]


@dataclass(frozen=True)
class Status:
    """An outcome by word and by shape; the colour only repeats them."""

    kind: StatusKind
    word: str
    mark: str


STATUSES: dict[str, Status] = {
    "pass": Status("pass", "pass", "\N{BLACK CIRCLE}"),
    "passed": Status("pass", "passed", "\N{BLACK CIRCLE}"),
    "ok": Status("pass", "ok", "\N{BLACK CIRCLE}"),
    "warn": Status("warn", "warning", "\N{BLACK UP-POINTING TRIANGLE}"),
    "fail": Status("fail", "fail", "\N{BLACK SQUARE}"),
    "failed": Status("fail", "failed", "\N{BLACK SQUARE}"),
    "waived": Status("warn", "waived", "\N{WHITE UP-POINTING TRIANGLE}"),
    "not_measured": Status("unknown", "not measured", "\N{WHITE CIRCLE}"),
    "not_configured": Status("unknown", "no gate", "\N{WHITE CIRCLE}"),
}


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Args:
        text: what it says.
        note: a second, smaller line (an interval, a reason).
        more: a third line, for what belongs beside the number.
        sort: key by which scripts sort the column, empty for the text itself.
        href: anchor in the document that the text links to.
        muted: whether it says that there is no number.
    """

    text: str
    note: str = ""
    sort: str = ""
    href: str = ""
    muted: bool = False
    status: Status | None = None
    more: str = ""


FARTHER = "farther than "


def is_farther(value: Measured | None) -> bool:
    """Whether a number is missing because it is larger than what was tried, which is worth a cell of its own."""
    return isinstance(value, NotMeasured) and value.not_measured.startswith(FARTHER)


def unknown(value: NotMeasured) -> str:
    """What a cell says instead of a number; the reason stands with the limits."""
    return display_text(value.not_measured.split(":")[0], 24) if is_farther(value) else "n. m."


@dataclass(frozen=True)
class Column:
    """Head of a column; ``unit`` is set smaller under it, ``role`` is the colour of a class."""

    text: str
    unit: str = ""
    numeric: bool = True
    role: Literal["", "s", "t"] = ""


@dataclass(frozen=True)
class Table:
    """A table; its first column names the row."""

    caption: str
    columns: list[Column]
    rows: list[list[Cell]]
    sortable: bool = False


@dataclass(frozen=True)
class Figure:
    """A picture whose title is its finding and whose caption says how to read it."""

    svg: Markup
    title: str
    caption: str
    wide: bool = False


@dataclass(frozen=True)
class Term:
    """A name and what stands beside it."""

    name: str
    text: str
    code: bool = False


@dataclass(frozen=True)
class Run:
    """A piece of a formula: plain or lowered."""

    text: str
    lowered: bool = False


@dataclass(frozen=True)
class Sentence:
    """A sentence of the summary, and the anchor of the page that shows its evidence (may be empty)."""

    text: str
    anchor: str = ""
