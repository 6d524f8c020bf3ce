"""``benchmarks/speed.md``, made of ``speed.json`` alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.speed import against, checks
from benchmarks.speed.models import TITLES
from benchmarks.speed.record import RECORD, read
from benchmarks.speed.rows import table

PAGE = RECORD.with_suffix(".md")
BATCHES = ("1", "8", "32", "128")


def write_page() -> None:
    """Write the page anew."""
    PAGE.write_text("\n".join(_lines(read())) + "\n", encoding="utf-8")


HEAD = """# What an audit costs

Find the row nearest to what you have. Below the table stands what one evaluation of each model costs: an audit's time
is that of its evaluations. `deepdig-audit inspect MODEL --data DATA` estimates your own.
"""
ROWS = """
## Minutes and memory

Command: `python -m benchmarks.speed row NAME`. Minutes are those of the command from its start to its end, the report
in HTML and PDF included, *busy* where the machine had other work meanwhile; CPU minutes are those of all its processes;
*in the model* is the share of them that the model's own evaluations need at the best batch size; peak memory is that of
all its processes together, libraries that they share counted once.
"""
PASSES = """
## One evaluation

Command: `python -m benchmarks.speed passes`. CPU milliseconds for an instance on one thread in batches of each size:
forward by ONNX Runtime, and forward and backward together by the gradients' route.
"""
PROMISES = """
## What is promised

Each by `python -m benchmarks.speed check NAME`, which ends with code 1 where a promise is not kept."""


def _lines(record: dict[str, dict[str, Any]]) -> Iterator[str]:
    entries = [entry for kind in record.values() for entry in kind.values()]
    yield HEAD
    for machine in dict.fromkeys(entry["machine"] for entry in entries):
        yield f"Machine: {machine}  "
    yield f"Dates: {', '.join(sorted({entry['date'] for entry in entries}))}"
    yield ROWS
    yield from table()
    if timed := record.get("passes"):
        yield from _passes(timed)
    if promised := record.get("checks"):
        yield from _promises(promised)
    for name, entry in record.get("against", {}).items():
        yield from ("", f"## {against.COMPARISONS[name].__doc__.rstrip('.')}", "")
        yield from (f"Command: `python -m benchmarks.speed against {name}`", "", *entry["lines"])


def _passes(timed: dict[str, Any]) -> Iterator[str]:
    yield PASSES
    heads = [f"{what}, {size}" for what in ("forward", "both") for size in BATCHES]
    yield f"| model and input | {' | '.join(heads)} |"
    yield f"{'|---' * (1 + len(heads))}|"
    for name, entry in timed.items():
        times = [entry["milliseconds"].get(size) for size in BATCHES]
        cells = ["" if t is None else f"{t[which]:.3g}" for which in (0, 1) for t in times]
        yield f"| {TITLES[name]} | " + " | ".join(cells) + " |"


def _promises(promised: dict[str, Any]) -> Iterator[str]:
    yield PROMISES
    for name, entry in promised.items():
        yield from (
            "",
            f"**{name}**: {checks.CHECKS[name].__doc__}",
            "",
            "| promised | found | kept |",
            "|---|---|---|",
        )
        for finding in entry["findings"]:
            yield f"| {finding['required']} | {finding['found']} | {'yes' if finding['good'] else '**no**'} |"
