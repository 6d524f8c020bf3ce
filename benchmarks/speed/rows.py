"""The rows of the table: what a user may have, and what an audit of it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.speed.measure import Measured, audit
from benchmarks.speed.models import CLASSES, TITLES, Subject, subject
from benchmarks.speed.passes import passes_of
from benchmarks.speed.record import keep, read


@dataclass(frozen=True)
class Row:
    """An audit as a user would ask for it.

    Args:
        of: name of model and data.
        pairs: how many of them; None for all.
        profile: as on the command line.
        jobs: worker processes; None leaves the option out.
        budget: of time; None for none.
        options: further ones.
    """

    of: str
    pairs: int | None
    profile: str
    jobs: int | None = None
    budget: str | None = None
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the row, on the command line and in the record."""
        pairs = "all" if self.pairs is None else str(self.pairs)
        jobs = [] if self.jobs is None else [f"jobs{self.jobs}"]
        return "-".join([self.of, pairs, self.profile, *jobs, *([self.budget] if self.budget else [])])

    def asked(self, of: Subject) -> tuple[str, ...]:
        """Options of the command line."""
        parts = [*of.options, "--profile", self.profile, *self.options]
        if self.pairs is not None:
            parts += ["--pairs", some_pairs(CLASSES[self.of], self.pairs)]
        if self.jobs is not None:
            parts += ["--jobs", str(self.jobs)]
        if self.budget is not None:
            parts += ["--time-budget", self.budget]
        return tuple(parts)


ROWS = {
    row.name: row
    for row in (
        Row("digits_cnn", None, "quick"),
        Row("digits_cnn", None, "standard"),
        Row("mnist_cnn", 1, "standard"),
        Row("mnist_cnn", None, "quick"),
        Row("mnist_cnn", None, "standard", jobs=1),
        Row("mnist_cnn", None, "standard", jobs=2),
        Row("hundred", None, "quick", budget="5m", options=("--pairs", "auto", "--max-pairs", "4950")),
        Row("resnet18_32", 1, "quick"),
        Row("resnet18_32", None, "quick", budget="15m"),
        Row("resnet18_224", 1, "quick"),
        Row("resnet18_224", None, "quick"),
        Row("resnet18_224", None, "quick", budget="5m"),
        Row("resnet18_224", None, "quick", budget="10m"),
    )
}


BUSY = 0.1
"""Cores that other processes may take before a row's minutes say little."""


def some_pairs(classes: int, count: int) -> str:
    """The first pairs of classes, neighbours first, so that the work spreads over the classes."""
    pairs = sorted(combinations(range(classes), 2), key=lambda pair: (pair[1] - pair[0], pair))
    return ",".join(f"{a}:{b}" for a, b in pairs[:count])


def measure_row(row: Row, folder: Path) -> Measured:
    """Run the audit of a row and keep what it took; its outputs stay in ``folder/out``."""
    of = subject(row.of, folder)
    taken = audit(of.model, of.data, *row.asked(of), out=folder / "out" / row.name)
    keep("rows", row.name, taken.to_dict())
    return taken


def measure_passes(name: str, folder: Path) -> None:
    """Time one evaluation of a model in batches of each size and keep it."""
    batches = {str(at.size): [round(at.forward, 4), round(at.both, 4)] for at in passes_of(subject(name, folder))}
    keep("passes", name, {"milliseconds": batches})


def table() -> Iterator[str]:
    """The rows that were measured, as Markdown."""
    record = read()
    yield "| model and input | pairs | profile | time budget | jobs | minutes | CPU minutes | in the model | peak MB |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, row in ROWS.items():
        if (taken := record.get("rows", {}).get(name)) is not None:
            in_model = _in_model(record.get("passes", {}).get(row.of), taken)
            busy = " (busy)" if taken["others"] > BUSY * taken["wall"] else ""
            yield (
                f"| {TITLES[row.of]} | {_pairs(taken['levels'])} | {row.profile} | {row.budget or 'none'} "
                f"| {row.jobs or 'auto'} | {_minutes(taken['wall'])}{busy} | {_minutes(taken['cpu'])} | {in_model} "
                f"| {taken['peak_mb']:,.0f} |"
            )


def _pairs(levels: dict[str, int]) -> str:
    if set(levels) <= {"full"}:
        return str(levels.get("full", 0))
    return f"{sum(levels.values())}: " + ", ".join(f"{count} {level}" for level, count in levels.items())


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}"


def _in_model(passes: dict[str, Any] | None, taken: dict[str, Any]) -> str:
    """Share of the CPU time that the model's own evaluations need at the best batch size."""
    if passes is None or not taken["cpu"]:
        return ""
    forward, both = (min(times) / 1000 for times in zip(*passes["milliseconds"].values(), strict=True))
    needed = (taken["forward"] - taken["backward"]) * forward + taken["backward"] * both
    return f"{100 * needed / taken['cpu']:.0f} %"
