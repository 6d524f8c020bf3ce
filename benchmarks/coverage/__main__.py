"""``python -m benchmarks.coverage [populations | seeds]``: count, print, and with --write renew that part of the page.

The exit code is 1 where an interval holds a known value in fewer than 90 of 100 draws.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.coverage.populations import Cell, measured, populations
from benchmarks.coverage.seeds import Held, audits, held

PAGE = Path(__file__).parents[1] / "coverage.md"
PARTS = {"populations": "## From populations with a known value", "seeds": "## Over other seeds of one audit"}
LEAST = 0.90
HEAD = """# What the 95 % intervals cover

How often an interval holds what it is about. Aim: 93 to 97 of 100, at least 90 at n = 24. An end that errs once in
forty, with the other end open, covers 97.5.
"""


def main() -> int:
    """Run the parts asked for, both by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, help="only this one")
    parser.add_argument("--seed", type=int, default=0, help="of the draws from populations (0)")
    parser.add_argument("--seeds", type=int, default=20, help="of the audit, from 0 on (20)")
    parser.add_argument("--pairs", default="3:8,4:9,1:7", help="class pairs of the audit (3:8,4:9,1:7)")
    parser.add_argument("--profile", default="quick", help="of the audit (quick)")
    parser.add_argument("--write", action="store_true", help="write benchmarks/coverage.md")
    arguments = parser.parse_args()
    failed = False
    for part in [arguments.part] if arguments.part else PARTS:
        if part == "populations":
            rows = list(_counted(arguments.seed))
            failed = any(cell.coverage < LEAST for _, _, cells in rows for cell in cells.values())
            lines = [f"Command: `python -m benchmarks.coverage populations --seed {arguments.seed} --write`  ", *_ran()]
            lines += _population_table(rows)
        else:
            found = held(list(audits(arguments.pairs, arguments.profile, arguments.seeds)))
            options = f"--seeds {arguments.seeds} --pairs {arguments.pairs} --profile {arguments.profile}"
            lines = [f"Command: `python -m benchmarks.coverage seeds {options} --write`  ", *_ran()]
            lines += _seed_table(found, arguments.seeds)
        section = "\n".join([PARTS[part], "", *lines]) + "\n"
        print(section)
        if arguments.write:
            _write(part, section)
    return int(failed)


def _counted(seed: int) -> Iterator[tuple[str, str, dict[int, Cell]]]:
    for number, population in enumerate(populations()):
        cells = {n: measured(population, n, 1000 * seed + number) for n in population.sizes}
        print(f"{population.measure}, {population.drawn_from}", file=sys.stderr, flush=True)
        yield population.measure, population.drawn_from, cells


def _population_table(rows: list[tuple[str, str, dict[int, Cell]]]) -> Iterator[str]:
    yield ""
    yield "In %: draws in which the interval held the value (in which the value lay below it / above it)."
    sizes: tuple[int, ...] = ()
    for measure, drawn_from, cells in rows:
        if tuple(cells) != sizes:
            sizes = tuple(cells)
            yield ""
            yield f"| measure | population | {' | '.join(f'n = {n}' for n in sizes)} |"
            yield f"|---|---|{'---|' * len(sizes)}"
        yield f"| {measure} | {drawn_from} | {' | '.join(map(_cell, cells.values()))} |"
    yield ""
    yield (
        "Without an interval: the least and greatest EDC distance (nothing in a sample says how far the next one "
        "reaches), and a mean of a single value."
    )


def _cell(cell: Cell) -> str:
    ends = [name for name, share in (("below", cell.open_below), ("above", cell.open_above)) if share > 0.5]
    text = f"{100 * cell.coverage:.1f} ({100 * cell.below:.1f} / {100 * cell.above:.1f})"
    return text + (f", open {' and '.join(ends)}" if ends else "")


def _seed_table(found: dict[str, Held], seeds: int) -> Iterator[str]:
    yield ""
    yield (
        f"`digits_cnn` audited under {seeds} seeds. Held: intervals that hold the mean over the seeds in their place. "
        "Apart: pairs of seeds between which the interval of the difference leaves out 0; 5 % is what chance gives."
    )
    yield ""
    yield "| measure | places | intervals | held | two seeds apart | values without an interval |"
    yield "|---|---|---|---|---|---|"
    for name, row in found.items():
        kept = f"{row.held / row.intervals:.1%}" if row.intervals else "-"
        apart = f"{row.apart / row.compared:.1%}" if row.compared else "-"
        yield f"| {name} | {row.places} | {row.intervals} | {kept} | {apart} | {row.without or ''} |"


def _ran() -> list[str]:
    return [
        f"Machine: {platform.machine()}, {platform.system()}, {os.cpu_count()} cores  ",
        f"Date: {datetime.now(UTC).date()}",
    ]


def _write(part: str, section: str) -> None:
    """Replace one part of the page and keep the other."""
    page = PAGE.read_text("utf-8") if PAGE.exists() else ""
    kept = {
        name: match.group(0).rstrip() + "\n"
        for name, heading in PARTS.items()
        if (match := re.search(re.escape(heading) + r"\n.*?(?=\n## |\Z)", page, flags=re.DOTALL))
    }
    kept[part] = section
    PAGE.write_text("\n".join([HEAD, *(kept[name] for name in PARTS if name in kept)]), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
