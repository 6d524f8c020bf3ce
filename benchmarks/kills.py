"""An audit that is killed again and again: nothing is corrupted, no finished pair is lost, the result is the same.

``python -m benchmarks.kills [--kills 100] [--seed 0] [--write]``

One command audits 22 class pairs of ``digits_cnn``. It is started, killed at a random time of a whole run's length, and
started again in the same folder until a run comes to its end; then all begins anew, until there were so many kills. In
turn the command is killed (-9), its worker is killed (-9), or the command is interrupted (Ctrl-C). After every kill:

* the journal is read: each line has its digest, and every pair that it held before is there still;
* results.json is not there, or whole;
* the next run says that it goes on from just as many pairs, unless results.json was written, which ends an audit;

and the results.json of every run that came to its end is compared with that of an uninterrupted run, byte for byte but
for the list of the pairs that were taken over and the check that names them.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from auditor.api.run_audit import CI_VARIABLES, digest
from auditor.documents.pair_outcomes import PairsPart
from auditor.documents.results import Provenance, from_json, to_json
from auditor.worker.journal import JOURNAL, Journal

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_suffix(".md")
MODEL = ROOT / "sample_models" / "digits_cnn.onnx"
PAIRS = ",".join(f"{a}:{b}" for a in range(4) for b in range(a + 1, 8))
WANTED = 22
COMMAND = (
    sys.executable, "-m", "auditor", str(MODEL), "--data", "digits", "--pairs",
    PAIRS, "--profile", "quick", "--samples-per-class", "12", "--report-pairs", "3", "--format", "json", "--out", "out",
)  # fmt: skip
HOW = ("the command, kill -9", "its worker, kill -9", "the command, Ctrl-C")


@dataclass
class Tally:
    """What happened so far."""

    kills: Counter[str] = field(default_factory=Counter)
    during: Counter[str] = field(default_factory=Counter)
    resumed: list[int] = field(default_factory=list)
    ends: int = 0
    wrong: list[str] = field(default_factory=list)


def main() -> int:
    """Kill, check, print; with --write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="write benchmarks/kills.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        begin = time.monotonic()
        os.environ["XDG_STATE_HOME"] = folder  # the journal's key is this benchmark's, and only this one's
        expected = _whole(Path(folder) / "whole")
        length = time.monotonic() - begin
        tally = _killed(Path(folder), expected, length, arguments.kills, random.Random(arguments.seed))
    lines = list(_page(tally, length, arguments))
    print("\n".join(lines))
    if arguments.write:
        PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 1 if tally.wrong else 0


def _started(folder: Path) -> subprocess.Popen[str]:
    own = {name: value for name, value in os.environ.items() if name not in CI_VARIABLES}
    environment = {**own, "PYTHONPATH": str(ROOT), "SOURCE_DATE_EPOCH": "1790000000"}
    with (folder / "said").open("w") as said:
        return subprocess.Popen(
            COMMAND, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=said, text=True,
            # As a terminal would: an interrupt is not ignored, whoever started this script.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip


def _whole(folder: Path) -> bytes:
    """results.json of a run that nobody interrupts."""
    folder.mkdir()
    process = _started(folder)
    if process.wait() != 0:
        raise SystemExit(f"the uninterrupted run ended with {process.returncode}: {(folder / 'said').read_text()}")
    return _without_marks((folder / "out" / "results.json").read_bytes())


def _without_marks(content: bytes) -> bytes:
    """results.json without what says that parts of it were taken over; as it is where it is no whole document."""
    try:
        results = from_json(content)
    except ValueError:
        return content
    checks = [check for check in results.validity if check.id != "resumed"]
    return to_json(results.model_copy(update={"validity": checks, "provenance": Provenance()})).encode()


def _killed(folder: Path, expected: bytes, length: float, kills: int, rng: random.Random) -> Tally:
    tally, attempt, fresh = Tally(), 0, True
    while sum(tally.kills.values()) < kills or not fresh:
        last = sum(tally.kills.values()) >= kills  # the last run is left to end
        if fresh:
            attempt += 1
            here = folder / f"{attempt}"
            here.mkdir()
        before = _in_journal(here, tally)
        process = _started(here)
        if not last:
            _kill_later(process, rng.uniform(0, length), HOW[rng.randrange(3)], here, tally)
        status = process.wait()
        _check_said(here, before, tally)
        fresh = status == 0
        if fresh:
            tally.ends += 1
            if _without_marks((here / "out" / "results.json").read_bytes()) != expected:
                tally.wrong.append(f"attempt {attempt}: another results.json than that of an uninterrupted run")
        elif last:
            tally.wrong.append(f"attempt {attempt}: a run nobody killed ended with {status}")
            break
        elif _complete(here, expected, tally):
            fresh = True  # killed after the last word: the next run would be another audit
        elif lost := before - _in_journal(here, tally):
            tally.wrong.append(f"attempt {attempt}: finished pairs were lost: {sorted(lost)}")
    return tally


def _kill_later(process: subprocess.Popen[str], seconds: float, how: str, here: Path, tally: Tally) -> None:
    """Kill after so many seconds, unless the run has come to its end by then."""
    try:
        process.wait(timeout=seconds)
        return
    except subprocess.TimeoutExpired:
        pass
    worker = _child(process.pid) if "worker" in how else None
    stage = ((here / "said").read_text().splitlines() or ["before the first word"])[-1]
    if "Ctrl-C" in how:
        process.send_signal(signal.SIGINT)
    else:
        os.kill(worker or process.pid, signal.SIGKILL)
    if process.wait() == 0:
        return  # it was so near to its end that the kill changed nothing
    tally.kills[how if worker or "worker" not in how else HOW[0]] += 1
    tally.during[re.sub(r"deepdig-audit: |,? \(.*|, \d.*|going on from.*", "", stage).strip() or "going on"] += 1


def _child(pid: int) -> int | None:
    """The process that ``pid`` started, if there is one."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(found[0]) if found else None


def _complete(here: Path, expected: bytes, tally: Tally) -> bool:
    """Whether a killed run had come to its end: results.json is written, and the journal gone."""
    results = here / "out" / "results.json"
    if not results.exists():
        return False
    if _without_marks(results.read_bytes()) != expected:
        tally.wrong.append("a results.json that is no whole one was left by a kill")
    return not (here / "out" / JOURNAL).exists()


def _in_journal(here: Path, tally: Tally) -> set[tuple[int, int]]:
    """Pairs that the journal holds; damage is noted, except of a line that was being written."""
    out = here / "out"
    if not (out / JOURNAL).exists():
        return set()
    journal = Journal(out, model=digest(MODEL))
    cut = not (out / JOURNAL).read_bytes().endswith(b"\n")
    if journal.damaged > cut:
        tally.wrong.append(f"{journal.damaged} damaged lines in the journal")
    parts = journal.found.parts if journal.found else []
    return {classes for part in parts if isinstance(part, PairsPart) for classes in part.classes}


def _check_said(here: Path, before: set[tuple[int, int]], tally: Tally) -> None:
    """A run that came as far as saying what it goes on from says the right number."""
    said = (here / "said").read_text()
    if "Traceback" in said:
        tally.wrong.append(f"a traceback: {said[-500:]}")
    if found := re.search(r"going on from an interrupted run: (\d+) of (\d+)", said):
        tally.resumed.append(int(found[1]))
        if (int(found[1]), int(found[2])) != (len(before), WANTED):
            tally.wrong.append(f"{len(before)} pairs were finished; the run said: {found[0]}")
    elif before and "class pairs (" in said:
        tally.wrong.append(f"{len(before)} pairs were finished; the run began anew: {said}")


def _page(tally: Tally, length: float, arguments: argparse.Namespace) -> list[str]:
    went_on = Counter(tally.resumed)
    return [
        "# An audit that is killed again and again",
        "",
        f"Command: `python -m benchmarks.kills --kills {arguments.kills} --seed {arguments.seed} --write`  ",
        f"Machine: {platform.machine()}, {platform.system()}, {os.cpu_count()} cores  ",
        f"Date: {datetime.now(UTC).date()}",
        "",
        f"`digits_cnn`, {WANTED} class pairs, profile quick, 12 sources a direction: {length:.1f} s in one go.",
        "",
        "| killed | times |",
        "|---|---|",
        *(f"| {how} | {tally.kills[how]} |" for how in HOW),
        f"| **together** | **{sum(tally.kills.values())}** |",
        "",
        "| last word of the command before | kills |",
        "|---|---|",
        *(f"| {stage} | {count} |" for stage, count in tally.during.most_common()),
        "",
        f"Runs that went on from finished pairs: {len(tally.resumed)}"
        f" (pairs: runs; {', '.join(f'{pairs}: {runs}' for pairs, runs in sorted(went_on.items()))}).",
        f"Runs that came to their end: {tally.ends}; results.json had the numbers of the uninterrupted run in"
        f" {tally.ends - sum('another results.json' in text for text in tally.wrong)}.",
        "",
        f"Finished pairs lost, files corrupted, tracebacks, runs that said something else: {len(tally.wrong)}.",
        *(f"* {text}" for text in tally.wrong),
    ]


if __name__ == "__main__":
    sys.exit(main())
