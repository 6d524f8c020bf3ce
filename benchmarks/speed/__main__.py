"""``python -m benchmarks.speed COMMAND NAME ...``: measure one thing, keep it in ``speed.json``, write ``speed.md``.

    python -m benchmarks.speed row resnet18_224-all-quick-5m     a row of the table
    python -m benchmarks.speed check jobs                        a promise; exit code 1 where it is not kept
    python -m benchmarks.speed baseline quick                    what a promise is compared with, from older commits
    python -m benchmarks.speed passes resnet18_224               one evaluation of the model, by batch size
    python -m benchmarks.speed against loop                      a comparison
    python -m benchmarks.speed page                              the page from what is kept

Models and data are made once, in ``.cache/speed`` or the folder that ``--models`` names.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.speed.against import COMPARISONS
from benchmarks.speed.checks import BASELINES, CHECKS
from benchmarks.speed.models import CACHE, TITLES
from benchmarks.speed.page import write_page
from benchmarks.speed.record import keep
from benchmarks.speed.rows import ROWS, measure_passes, measure_row

NAMES = {"row": ROWS, "check": CHECKS, "baseline": BASELINES, "passes": TITLES, "against": COMPARISONS, "page": {}}


def main() -> int:
    """Do one command for each name given, for all names where none is."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=NAMES)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--models", type=Path, default=CACHE, metavar="FOLDER", help="where models and data are kept")
    arguments = parser.parse_args()
    known, folder = NAMES[arguments.command], arguments.models.resolve()
    if unknown := set(arguments.names) - set(known):
        parser.error(f"unknown name {', '.join(sorted(unknown))}; expected of {', '.join(known)}")
    kept = [_do(arguments.command, name, folder) for name in arguments.names or known]
    write_page()
    return 0 if all(kept) else 1


def _do(command: str, name: str, folder: Path) -> bool:
    match command:
        case "row":
            print(measure_row(ROWS[name], folder))
        case "baseline":
            BASELINES[name](folder)
        case "passes":
            measure_passes(name, folder)
        case "against":
            keep("against", name, {"lines": list(COMPARISONS[name](folder))})
        case "check":
            findings = list(CHECKS[name](folder))
            keep("checks", name, {"findings": [asdict(finding) for finding in findings]})
            for finding in findings:
                print(f"{'kept' if finding.good else 'NOT KEPT'}: {finding.required}: {finding.found}")
            return all(finding.good for finding in findings)
    return True


if __name__ == "__main__":
    sys.exit(main())
