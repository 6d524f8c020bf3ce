"""Rows as text: one line each for the terminal, a page for ``benchmarks/hostile.md``."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from auditor.worker.sandbox import landlock, seccomp
from benchmarks.hostile.case import ACCEPTED, LIMIT, REFUSED, USAGE
from benchmarks.hostile.runner import LIMITS, Row

_PACKAGES = ("torch", "onnx", "onnxruntime-gpu", "onnxruntime", "numpy", "pillow")
_OUTCOMES = {ACCEPTED: "accepted (0)", USAGE: "usage (2)", REFUSED: "refused (3)", LIMIT: "limit (4)"}
_SIGNAL = "ended by SIG"


def line(row: Row) -> str:
    """One row for the terminal."""
    verdict = "wrong" if row.problems else "right"
    return f"{verdict} {row.name} {row.status} {row.seconds:.2f} s {'; '.join(row.problems) or row.said}"


def page(rows: Sequence[Row], words: str, seconds: float, traced: bool) -> str:
    """The whole page.

    Args:
        rows: of all routes.
        words: of the command.
        seconds: that it took.
        traced: whether strace watched.
    """
    cases = [row for row in rows if row.route == "fork" and not row.family.startswith("mutation/")]
    mutants = [row for row in rows if row.family.startswith("mutation/")]
    commands = [row for row in rows if row.route == "command"]
    wrong = [row for row in rows if row.problems]
    limits = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in LIMITS.items())
    head = [
        "# Hostile corpus",
        "",
        f"Command: `python -m benchmarks.hostile {words}`  ",
        f"Machine: {_machine()}  ",
        f"Versions: Python {platform.python_version()}, {_versions()}  ",
        f"Date: {datetime.now(UTC).date()}  ",
        f"Time: {seconds / 60:.0f} minutes; limits set for it: {limits}",
        "",
        f"- {_count(cases)} built files through a forked worker: {_wrong(cases)}.",
        f"- {_count(commands)} of them through the installed command as well: {_wrong(commands)}.",
        f"- {_count(mutants)} seeded mutations through a forked worker: {_wrong(mutants)}.",
        f"- strace: {_traced(rows, traced)}.",
        f"- Workers that died by a signal inside a library: {sum(_SIGNAL in row.said for row in rows)}; the command",
        "  said so in one line and ended with code 4.",
        "",
        "Right: the exit code is one that the case states, the command ended inside its limit, a refusal is one line",
        "that says what was expected, what was found and what to do, no traceback and no control character reached the",
        "output, no internal error was reported, and files outside the places were neither read nor changed.",
    ]
    missing = [row for row in cases if row.status is None]
    if missing:
        head += ["", f"Not built here: {'; '.join(f'{row.name} ({row.said[11:]})' for row in missing)}."]
    body = ["", *_table("Cases by family", cases), "", *_table("Through the installed command", commands)]
    body += ["", *_table("Mutations by seed file", mutants), "", "## Wrong", ""]
    body += [f"- `{row.name}` ({row.route}): {'; '.join(row.problems)}" for row in wrong] or ["None."]
    return "\n".join([*head, *body, ""])


def _table(title: str, rows: Sequence[Row]) -> list[str]:
    families = sorted({row.family for row in rows})
    lines = [f"## {title}", "", f"| family | files | {' | '.join(_OUTCOMES.values())} | slowest, s | wrong |"]
    lines.append("|" + "---|" * (len(_OUTCOMES) + 4))
    for family in [*families, "all"]:
        some = [row for row in rows if family in (row.family, "all") and row.status is not None]
        found = Counter(row.status for row in some)
        cells = [str(found[status] or "") for status in _OUTCOMES]
        slowest = max((row.seconds for row in some), default=0.0)
        wrong = sum(bool(row.problems) for row in some)
        lines.append(f"| {family} | {len(some)} | {' | '.join(cells)} | {slowest:.1f} | {wrong or ''} |")
    return lines


def _count(rows: Sequence[Row]) -> str:
    return f"{sum(row.status is not None for row in rows):,}"


def _wrong(rows: Sequence[Row]) -> str:
    wrong = sum(bool(row.problems) for row in rows)
    return f"{wrong} wrong" if wrong else "none wrong"


def _traced(rows: Sequence[Row], traced: bool) -> str:
    if not traced:
        return "not used in this run; planted files outside were watched"
    beyond = sum(map(_beyond, rows))
    return f"watched all of them; files outside their places, sockets and programs were opened by {beyond or 'none'}"


def _beyond(row: Row) -> bool:
    return any(problem.startswith(("open", "socket", "connect", "started")) for problem in row.problems)


def _machine() -> str:
    parts = [f"{platform.machine()}, one thread, no GPU", f"Landlock ABI {landlock.abi()}"]
    return ", ".join([*parts, "seccomp" if seccomp.available() else "no seccomp"])


def _versions() -> str:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
