"""One audit from the command line, measured from outside: time, memory of all its processes together, evaluations."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EVERY, REST = 0.25, 50
"""Least seconds between two looks at the memory; so many times as long as a look took is waited after it, because the
pages of gigabytes take a while to count and the cores are the audit's."""


@dataclass(frozen=True)
class Measured:
    """What one command took.

    Args:
        command: after ``deepdig-audit``, with names in place of paths.
        commit: of the project that ran.
        threads: OMP_NUM_THREADS, empty where it was not set.
        others: CPU seconds that other processes of the machine took meanwhile.
        exit_code: of the command.
        wall, cpu: seconds of the command with all its processes, start and rendering included.
        rendering: wall seconds after results.json was written.
        peak_mb: most memory of all its processes together, libraries that they share counted once.
        forward, backward: evaluations of the model.
        levels: pairs by the level that they reached; all of them ``full`` in results without levels.
        stages: wall seconds of each stage, as run.json has them.
    """

    command: str
    commit: str
    threads: str
    others: float
    exit_code: int
    wall: float
    cpu: float
    rendering: float
    peak_mb: float
    forward: int
    backward: int
    levels: dict[str, int]
    stages: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


def audit(
    model: Path, data: str, *options: str, out: Path, checkout: Path = ROOT, threads: int | None = None
) -> Measured:
    """Audit once into a fresh folder and measure it.

    Args:
        options: of the command line.
        out: folder for the outputs, emptied before.
        checkout: a tree of the project whose ``auditor`` runs.
        threads: OMP_NUM_THREADS; as in this process by default.
    """
    shutil.rmtree(out, ignore_errors=True)
    arguments = (str(model), "--data", data, *options)
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    if threads is not None:
        environment["OMP_NUM_THREADS"] = environment["MKL_NUM_THREADS"] = str(threads)
    begin, busy = time.monotonic(), _busy_seconds()
    process = subprocess.Popen(
        [sys.executable, "-m", "auditor", *arguments, "--out", str(out), "--quiet"], cwd=checkout, env=environment
    )
    with _peak_of(process.pid) as peak:
        _, status, usage = os.wait4(process.pid, 0)  # its usage holds that of every process it has waited for
    wall, busy, end = time.monotonic() - begin, _busy_seconds() - busy, time.time()
    process.returncode = os.waitstatus_to_exitcode(status)
    if not (out / "results.json").exists():
        sys.exit(f"the audit of {model.name} ended with code {process.returncode} and left no results")
    return Measured(
        command=_as_given(arguments),
        commit=_commit(checkout),
        threads=environment.get("OMP_NUM_THREADS", ""),
        others=round(busy - usage.ru_utime - usage.ru_stime, 1),
        exit_code=process.returncode,
        wall=round(wall, 1),
        cpu=round(usage.ru_utime + usage.ru_stime, 1),
        peak_mb=round(peak[0] / 2**20),
        **_said(out, end),
    )


def results_of(out: Path) -> dict[str, Any]:
    """results.json in that folder."""
    return json.loads((out / "results.json").read_bytes())


@contextlib.contextmanager
def checkout_of(commit: str) -> Iterator[Path]:
    """A tree of the project at a commit, gone after the block."""
    with tempfile.TemporaryDirectory(prefix="deepdig-audit-old-") as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(tree), commit], cwd=ROOT, check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)


def _said(out: Path, end: float) -> dict[str, Any]:
    """What the outputs say of the run."""
    run = json.loads((out / "run.json").read_bytes())
    levels: dict[str, int] = {}
    for pair in results_of(out)["pairs"]:
        level = pair.get("level", "full")
        levels[level] = levels.get(level, 0) + 1
    rendering = end - (out / "results.json").stat().st_mtime  # which is written before anything is rendered
    cost = run["cost"]
    return {"rendering": round(rendering, 1), "levels": levels, "stages": run["stages"],
            "forward": cost["forward"], "backward": cost["backward"]}  # fmt: skip


def _busy_seconds() -> float:
    """Seconds for which the machine's cores have worked since it started."""
    user, nice, system, _, _, interrupts, soft, *_ = map(
        int, Path("/proc/stat").read_text("ascii").splitlines()[0].split()[1:]
    )
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _peak_of(pid: int) -> Iterator[list[int]]:
    """The most bytes that a process and its descendants hold together while the block runs."""
    peak, over = [0], threading.Event()

    def look() -> None:
        wait = EVERY
        while not over.wait(wait):
            begin = time.thread_time()
            held = [_memory_of(one) for one in _tree(pid)]
            peak[0] = max(peak[0], sum(own for own, _ in held) + max((of_files for _, of_files in held), default=0))
            wait = max(EVERY, REST * (time.thread_time() - begin))

    watching = threading.Thread(target=look, daemon=True)
    watching.start()
    try:
        yield peak
    finally:
        over.set()
        watching.join()


def _tree(pid: int) -> Iterator[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text("utf-8", errors="replace").rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += parents.get(one, [])


def _memory_of(pid: int) -> tuple[int, int]:
    """Bytes of a process that no file backs, pages shared after a fork in equal parts, and those of mapped files.

    Libraries are mapped by all processes of the tool: the largest such part counts once for all of them.
    """
    found = dict[str, int]()
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()[1:]:
            name, size, _ = line.split()
            found[name] = 1024 * int(size)
    if not found:
        return 0, 0
    return found["Pss_Anon:"] + found["Pss_Shmem:"], found["Rss:"] - found["Anonymous:"]


def _as_given(arguments: tuple[str, ...]) -> str:
    return " ".join(Path(a).name if "/" in a and Path(a).exists() else a for a in arguments)


def _commit(checkout: Path) -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, cwd=checkout, capture_output=True, text=True, check=False).stdout.strip()
