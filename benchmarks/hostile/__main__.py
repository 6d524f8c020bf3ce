"""``python -m benchmarks.hostile``: build every hostile file, run the product on it, judge, write the page."""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.hostile import forks, tracing
from benchmarks.hostile.case import Case
from benchmarks.hostile.commands import ROOT
from benchmarks.hostile.families import all_cases, spread
from benchmarks.hostile.mutations import mutants
from benchmarks.hostile.page import line, page
from benchmarks.hostile.runner import Row, Runner, kept, loaded, traced_breaches

PAGE = ROOT / "benchmarks" / "hostile.md"


def main() -> int:
    """Run the corpus; the exit code is 1 where a row is wrong."""
    arguments = _arguments()
    if arguments.rows is not None:
        kept(list(_forked(arguments)), arguments.rows)
        return 0
    if arguments.strace and not tracing.available():
        print("expected strace for --strace; found none; install it or leave the option out", file=sys.stderr)
        return 2
    begin = time.perf_counter()
    rows = [*(_traced(arguments) if arguments.strace else _forked(arguments)), *_commanded(arguments)]
    text = page(rows, _words(arguments), time.perf_counter() - begin, arguments.strace)
    if arguments.write:
        PAGE.write_text(text, encoding="utf-8")
    print(text.split("\n## ")[0], file=sys.stderr)
    return int(any(row.problems for row in rows))


def _forked(arguments: argparse.Namespace) -> Iterator[Row]:
    """All cases and mutations, their workers forked from this process."""
    begin, done = time.perf_counter(), 0
    forks.warm_up()
    with tempfile.TemporaryDirectory(prefix="hostile-", ignore_cleanup_errors=True) as name:
        runner = Runner(Path(name))
        made = (runner.mutant(each) for each in mutants(arguments.mutations, arguments.seed, Path(name)))
        for row in itertools.chain(map(runner.case, _cases(arguments)), made):
            done += 1
            _show(row, arguments)
            if done % 500 == 0:
                print(f"{done} files, {time.perf_counter() - begin:.0f} s", flush=True)
            yield row


def _traced(arguments: argparse.Namespace) -> list[Row]:
    """The same in a process that strace watches, with what it saw."""
    with contextlib.nullcontext(arguments.keep) if arguments.keep else tempfile.TemporaryDirectory() as name:
        log, file = Path(name) / "strace.log", Path(name) / "rows.jsonl"
        words = [sys.executable, "-m", "benchmarks.hostile", *sys.argv[1:], "--rows", str(file)]
        subprocess.run([*tracing.command(log), *words], check=True)
        rows = loaded(file)
        for row, found in traced_breaches(rows, log):
            row.problems += found
            _show(row, arguments)
    return rows


def _commanded(arguments: argparse.Namespace) -> Iterator[Row]:
    """Some of the cases through the installed command."""
    cases = _cases(arguments)
    with tempfile.TemporaryDirectory(prefix="hostile-", ignore_cleanup_errors=True) as name:
        runner = Runner(Path(name), traced=arguments.strace)
        for case in spread(cases, min(arguments.command, len(cases))):
            row = runner.case(case, "command")
            _show(row, arguments)
            yield row


def _cases(arguments: argparse.Namespace) -> list[Case]:
    return [case for case in all_cases() if fnmatch.fnmatch(case.name, arguments.only)]


def _show(row: Row, arguments: argparse.Namespace) -> None:
    if arguments.verbose or row.problems or row.status is None:
        print(line(row), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("--only", metavar="PATTERN", default="*", help="cases whose name fits, such as 'onnx/size/*'")
    parser.add_argument("--mutations", metavar="N", type=int, default=5000, help="damaged files")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the mutations")
    parser.add_argument(
        "--command", metavar="N", type=int, default=80, help="cases through the installed command as well"
    )
    parser.add_argument("--strace", action="store_true", help="watch what is opened, and the network, by strace")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--verbose", action="store_true", help="print every row")
    parser.add_argument("--list", action="store_true", help="print the names of the cases and stop")
    parser.add_argument("--keep", metavar="DIR", help="leave strace's log and the rows in this folder")
    parser.add_argument("--rows", type=Path, help=argparse.SUPPRESS)  # where a run under strace leaves its rows
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(case.name for case in all_cases()))
        raise SystemExit(0)
    return arguments


def _words(arguments: argparse.Namespace) -> str:
    words = [
        "--mutations",
        str(arguments.mutations),
        "--seed",
        str(arguments.seed),
        "--command",
        str(arguments.command),
    ]
    words += ["--only", f"'{arguments.only}'"] if arguments.only != "*" else []
    return " ".join(words + ["--strace"] * arguments.strace + ["--write"] * arguments.write)


if __name__ == "__main__":
    sys.exit(main())
