"""Build each file, run the product on it, judge what came out; one row each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.hostile import forks, tracing, verdicts
from benchmarks.hostile.case import ACCEPTED, LIMIT, REFUSED, Case, Outcome
from benchmarks.hostile.commands import ROOT, arguments, results_folder, small_data
from benchmarks.hostile.mutations import Mutant
from benchmarks.hostile.torchscript_code import OUTSIDE

LIMITS = {"opening_seconds": "15", "trial_seconds": "15", "silence_seconds": "20", "memory_mb": "3000"}
"""Of the product, set low so that files that hit them do so soon."""


@dataclass
class Row:
    """What became of one file.

    Args:
        name, family: of the case or mutant.
        route: ``fork`` or ``command``.
        status: exit code; None where the system could not hold the file.
        seconds: of the command.
        said: the line of the refusal.
        problems: why the row is wrong.
        scratch: folders for temporary files of its workers, by which a trace tells them apart.
        places: what they may open beside the installation and their scratch folder.
    """

    name: str
    family: str
    route: str
    status: int | None = None
    seconds: float = 0.0
    said: str = ""
    problems: list[str] = field(default_factory=list)
    scratch: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)


class Runner:
    """Runs files in one folder.

    Args:
        folder: for the files; emptied of each once it has been judged.
        traced: write strace's log of each installed command.
    """

    def __init__(self, folder: Path, *, traced: bool = False) -> None:
        self.folder, self._traced = folder, traced
        self._canaries = verdicts.Canaries(folder / OUTSIDE)
        self._data = small_data(folder / "sound.npz")

    def case(self, case: Case, route: str = "fork") -> Row:
        """Build and run one case."""
        row, place = Row(case.name, case.family, route), self._fresh(case.name)
        try:
            path = case.build(place)
        except OSError as err:
            row.said = f"not built: {err.strerror or err}"
            return row
        words = arguments(case, path, place)
        row.places = [str(place), str(place.resolve()), *(word for word in words if word.startswith(str(self.folder)))]
        row.places += [str(ROOT / "sample_models"), str(path.parent)]
        if os.path.islink(path):  # what the user's own link names
            row.places.append(os.path.realpath(path))
        outcome = self._forked(words, row) if route == "fork" else self._commanded(words, row)
        self._judge(row, outcome, case.codes, case.seconds)
        if case.audit and outcome.status == ACCEPTED:
            row.problems += verdicts.results_problems(results_folder(place))
        self._clear(case.name)
        return row

    def mutant(self, mutant: Mutant) -> Row:
        """Run one damaged file."""
        name = f"{mutant.family}/{mutant.number}"
        row, place = Row(f"{name} ({mutant.by})", mutant.family, "fork"), self._fresh(name)
        path = mutant.write(place)
        words = ["inspect", str(path)]
        if mutant.seed.kind in ("model", "model alone"):
            words += ["--data", str(self._data)] if mutant.seed.kind == "model" else []
        else:
            model = "digits_cnn.onnx" if mutant.seed.kind == "image" else "digits_fcn.onnx"
            words = ["inspect", str(ROOT / "sample_models" / model), "--data", str(path)]
        row.places = [str(place), str(self._data), str(ROOT / "sample_models")]
        self._judge(row, self._forked(words, row), (ACCEPTED, REFUSED, LIMIT), 45.0)
        if not row.problems:
            self._clear(name)
        return row

    def _forked(self, words: Sequence[str], row: Row) -> Outcome:
        with forks.limits(**LIMITS):
            return forks.run(words, row.scratch.append)

    def _commanded(self, words: Sequence[str], row: Row) -> Outcome:
        """The installed command in a process of its own, under strace if asked."""
        log = self.folder / "strace.log"
        program = Path(sys.executable).with_name("deepdig-audit")
        before = tracing.command(log) if self._traced else []
        with forks.limits(**LIMITS):
            begin = time.perf_counter()
            done = subprocess.run(
                [*before, str(program), *words], capture_output=True, cwd=ROOT, check=False, timeout=600
            )
        seconds = time.perf_counter() - begin
        if self._traced:
            with log.open(encoding="utf-8", errors="replace") as lines:
                programs = ("deepdig-audit", "python", Path(sys.executable).name)
                made = list(tracing.calls(lines))
            row.problems += tracing.breaches(made, [*row.places, str(self.folder)], programs)
            row.problems += [] if any(call.name == "execve" for call in made) else ["strace saw nothing of the command"]
        return Outcome(
            done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), seconds
        )

    def _judge(self, row: Row, outcome: Outcome, codes: Sequence[int], seconds: float) -> None:
        row.status, row.seconds, row.said = outcome.status, outcome.seconds, verdicts.reason(outcome)[:300]
        row.problems += verdicts.problems(outcome, codes, seconds) + self._canaries.problems()

    def _fresh(self, name: str) -> Path:
        self._clear(name)
        place = self._place(name)
        place.mkdir(parents=True)
        return place

    def _place(self, name: str) -> Path:
        return self.folder / name.replace("/", "_")

    def _clear(self, name: str) -> None:
        place = self._place(name)
        for path in (place, results_folder(place)):
            if path.exists():
                for inner, _, _ in os.walk(path):
                    os.chmod(inner, 0o700)
                shutil.rmtree(path, ignore_errors=True)
        place.with_name(f"{place.name}-data.npz").unlink(missing_ok=True)


def traced_breaches(rows: Sequence[Row], log: Path) -> Iterator[tuple[Row, list[str]]]:
    """Rows of forked workers with what strace saw them do beyond their places."""
    owner = {scratch: row for row in rows for scratch in row.scratch}
    current: dict[int, Row] = {}
    driver: int | None = None
    made: dict[str, list[tracing.Call]] = {}
    with log.open(encoding="utf-8", errors="replace") as lines:
        for call in tracing.calls(lines):
            driver = call.process if driver is None else driver
            if call.name == "ends":
                current.pop(call.process, None)
            elif call.process != driver and call.target in owner:
                # The first that a forked worker opens. Workers run one after the other, so nobody else is at work; an
                # older one whose end was not seen must not answer for a later process of the same number.
                current = {call.process: owner[call.target]}
            elif call.process in current:
                made.setdefault(current[call.process].name, []).append(call)
    for row in rows:
        if row.scratch and row.name not in made:
            yield row, ["strace saw nothing of its worker"]
        elif found := tracing.breaches(made.get(row.name, []), row.places):
            yield row, found


def kept(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as JSON lines."""
    path.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")


def loaded(path: Path) -> list[Row]:
    """The rows of an earlier run."""
    return [Row(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]
