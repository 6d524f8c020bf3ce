"""``python -m benchmarks.gpu [--device cuda] [--small] [SECTION ...]``: measure the GPU path on this machine.

Rows are printed as they come and once more as a table at the end. On a GPU a run of all sections but ``evaluations``,
whose numbers are those of any device, writes ``benchmarks/gpu.md`` up to what was counted without a GPU; ``--page``
writes elsewhere. Sections may be run one by one where a call must not last long.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import torch

from benchmarks.gpu import agreement, audits, evaluations, goal, machine, speed
from benchmarks.gpu.table import HEAD, Bench, Row, card, versions

PAGE = Path(__file__).parents[1] / "gpu.md"
COUNTED = "\n## Copies and waits"
SECTIONS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "machine": machine.section,
    "agreement": agreement.section,
    "audits": audits.section,
    "speed": speed.section,
    "goal": goal.section,
    "evaluations": evaluations.section,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the sections asked for; 1 where a row is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all but the last by default"
    )
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N, or cpu for a dry run")
    parser.add_argument("--small", action="store_true", help="a dry run of a few minutes, whose figures mean nothing")
    parser.add_argument("--page", type=Path, help="write the table into this file")
    given = parser.parse_args(arguments)
    if unknown := set(given.sections) - set(SECTIONS):
        parser.error(f"unknown section {', '.join(unknown)}")
    device = torch.device(given.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no CUDA device here; say --device cpu --small for a dry run")
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(device, given.small, Path(folder))
        rows = [row for name in given.sections or list(SECTIONS)[:-1] for row in _run(name, bench)]
    table = "\n".join([*HEAD, *map(str, rows)])
    print("", table, sep="\n")
    whole = device.type == "cuda" and not given.small and not given.sections
    if page := given.page or (PAGE if whole else None):
        before = page.read_text("utf-8") if page.exists() else ""
        _, found, counted = before.partition(COUNTED)
        page.write_text(f"{_head(given, device)}\n{table}\n{found}{counted}", encoding="utf-8")
    return int(any(row.good is False for row in rows))


def _run(name: str, bench: Bench) -> Iterator[Row]:
    """The rows of a section; one that fails is a row, so that the others still run."""
    begin = time.perf_counter()
    try:
        for row in SECTIONS[name](bench):
            print(row, flush=True)
            yield row
    except Exception as err:
        row = Row(name, f"{type(err).__name__}: {err}".replace("\n", " ")[:300], False)
        print(row, flush=True)
        yield row
    print(f"{name}: {time.perf_counter() - begin:.0f} s", file=sys.stderr)


def _head(given: argparse.Namespace, device: torch.device) -> str:
    small = " --small" if given.small else ""
    command = " ".join(["python -m benchmarks.gpu", "--device", given.device + small, *given.sections])
    return "\n".join(
        [
            f"# The GPU path, measured on {card(device)}",
            "",
            f"Command: `{command}`  ",
            f"Versions: Python {sys.version.split()[0]}, {versions()}  ",
            f"Date: {datetime.now(UTC).date()}",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
