"""``python -m benchmarks.model_matrix``: build what is missing, check every file, print the rows, write the table."""

from __future__ import annotations

import argparse
import fnmatch
import sys
from pathlib import Path

from benchmarks.model_matrix.families import all_cases
from benchmarks.model_matrix.runner import run
from benchmarks.model_matrix.table import line, page

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "benchmarks" / "model_matrix.md"


def main() -> int:
    """Run the matrix; the exit code is 1 where a row is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model_matrix", description=__doc__)
    parser.add_argument("--only", metavar="PATTERN", default="*", help="cases whose name fits, such as 'timm/*'")
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.relative_to(ROOT)}")
    parser.add_argument("--reuse", action="store_true", help="keep the rows of an interrupted run")
    parser.add_argument("--list", action="store_true", help="print the names of the cases and stop")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "model_matrix", help="where files are built")
    arguments = parser.parse_args()
    cases = [case for case in all_cases() if fnmatch.fnmatch(case.name, arguments.only)]
    if arguments.list:
        print("\n".join(case.name for case in cases))
        return 0
    rows = []
    for row in run(cases, arguments.cache, reuse=arguments.reuse):
        rows.append(row)
        print(line(row), flush=True)
    text = page(rows, arguments.only)
    if arguments.write:
        TABLE.write_text(text, encoding="utf-8")
    print(text.split("\n## ")[0], file=sys.stderr)
    return int(any(row.verdict == "wrong" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
