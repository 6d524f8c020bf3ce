"""One mutated document read by one command, in this process, and what has to be true of how it ends."""

from __future__ import annotations

import contextlib
import io
import random
import signal
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.cli import main
from auditor.errors import AuditError
from auditor.worker.journal import Journal
from benchmarks.documents.mutations import mutated

SECONDS = 10
CODES = (0, 1, 2, 3, 4)
KINDS = {"results.json": 10, "policy.toml": 4, "run.json": 1, "audit.toml": 2, "audit.journal": 2, "names.txt": 1}
"""The documents, and how often each is mutated, in parts of twenty."""
# No command begins to work: the policy that each names last is not there.
AUDIT = "none.onnx --data digits --quiet --policy none.toml --out out"
COMMANDS = {
    "results.json": [
        "gate results.json --policy sound.toml", "gate results.json --policy sound.toml --json",
        "gate results.json --policy relative.toml --baseline other.json",
        "gate other.json --policy relative.toml --baseline results.json",
        "gate results.json --policy sound.toml --out out --format junit,sarif,markdown",
        "render results.json --quiet --out out --format csv,junit,sarif,markdown",
        "compare results.json other.json --out out --format json,markdown",
        "compare other.json results.json --out out --format json,markdown",
        "init-policy results.json --out first.toml --force",
    ],
    "policy.toml": [
        "gate sound.json --policy policy.toml", "gate sound.json --policy policy.toml --baseline other.json",
        "gate sound.json --policy policy.toml --out out --format junit,sarif,markdown",
    ],
    "run.json": ["render results.json --quiet --out out --format junit"],
    "audit.toml": [f"{AUDIT} --config audit.toml"],
    "names.txt": [f"{AUDIT} --class-names names.txt"],
    "audit.journal": [""],
}  # fmt: skip
PAGES = [
    "render results.json --quiet --out out --format html",
    "compare results.json other.json --out out --format html",
]
"""Pages take a second each, so they are drawn of one document in a hundred."""


class Hang(BaseException):
    """The alarm: no handler of errors may catch it."""


@dataclass(frozen=True)
class End:
    """How the reading of one mutation ended; ``trouble`` is empty where all is as it has to be."""

    kind: str
    command: str
    status: int
    trouble: str


def read_mutations(sound: dict[str, bytes], count: int, seed: int, folder: Path) -> Iterator[End]:
    """Mutate and read, again and again.

    Args:
        sound: each document as the tool or a person wrote it, by its name.
        count: mutations.
        seed: of the first; mutation i depends on seed + i alone.
        folder: to work in, the current one of this process.
    """
    for name, content in sound.items():
        (folder / name).write_bytes(content)
    (folder / "sound.json").write_bytes(sound["results.json"])
    (folder / "sound.toml").write_bytes(sound["policy.toml"])
    # Of another model, for no audit is compared with itself.
    (folder / "other.json").write_bytes(sound["results.json"].replace(b'"sha256": "3', b'"sha256": "4', 1))
    signal.signal(signal.SIGALRM, _alarm)
    for i in range(count):
        rng = random.Random(seed + i)
        (kind,) = rng.choices(list(KINDS), list(KINDS.values()))
        command = rng.choice(PAGES if kind == "results.json" and rng.random() < 0.01 else COMMANDS[kind])
        path = folder / kind
        path.write_bytes(mutated(kind, sound[kind], rng))
        yield _ended(kind, command, path)
        path.write_bytes(sound[kind])


def _alarm(*_: Any) -> None:
    raise Hang


def _ended(kind: str, command: str, path: Path) -> End:
    out, err = io.StringIO(), io.StringIO()
    status, trouble = -1, ""
    signal.alarm(SECONDS)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = _journal(path.parent) if kind == "audit.journal" else main(command.split())
    except Hang:
        trouble = "hang"
    except BaseException as failed:
        trouble = f"internal error: {type(failed).__name__}: {failed}"
    finally:
        signal.alarm(0)
    return End(kind, command, status, trouble or _trouble(status, out.getvalue(), err.getvalue()))


def _journal(folder: Path) -> int:
    try:
        Journal(folder)
    except AuditError as err:
        print("deepdig-audit: error:", err, file=__import__("sys").stderr)
        return err.exit_code
    return 0


def _trouble(status: int, out: str, err: str) -> str:
    if status not in CODES:
        return f"exit code {status}"
    if "internal error" in err or "Traceback" in err or "results.json is there: mend this" in err:
        return f"internal error: {err[:300]}"
    lines = err.splitlines()
    if status >= 2 and (len(lines) != 1 or not lines[0].startswith("deepdig-audit: error:")):
        return f"{len(lines)} lines: {err[:300]}"
    for line in (out + err).split("\n"):
        if any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in line):
            return f"a control character: {line[:200]!r}"
        if line.lstrip().startswith("::") or "##[" in line or "##vso[" in line:
            return f"a command of a CI service: {line[:200]!r}"
    return ""


@contextlib.contextmanager
def working_folder() -> Iterator[Path]:
    """A folder of its own as the current one."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        yield Path(name)
