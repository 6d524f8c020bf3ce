"""Audits by the command itself, each in a process of its own, kept so that an interrupted run goes on."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from auditor import __version__
from auditor.documents.results import Results
from auditor.documents.whole_files import RESULTS, read_results

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "regressions"
DONE = "done.json"
COMPLETE, REFUSED = 0, 3


@dataclass(frozen=True)
class Audited:
    """What an audit wrote, or why it refused the model.

    Args:
        results: None where the model was refused.
        said: the refusal.
    """

    results: Results | None
    said: str


class Audits:
    """Audits of models on the digits.

    Args:
        pairs: as on the command line.
        reuse: take audits of an earlier run, made by the same code.
    """

    def __init__(self, pairs: str = "all", *, reuse: bool = False) -> None:
        self.pairs, self.reuse = pairs, reuse
        self.made, self.reused = 0, 0
        self._known: set[Path] = set()

    def of(self, model: Path, profile: str, seed: int) -> Audited:
        """One audit; in one run it is made or taken once."""
        folder = CACHE / self._key(model, profile, seed)
        if folder not in self._known:
            if self.reuse and (folder / DONE).exists():
                self.reused += 1
            else:
                self._make(model, profile, seed, folder)
                self.made += 1
            self._known.add(folder)
        done = json.loads((folder / DONE).read_text("utf-8"))
        return Audited(read_results(folder / RESULTS) if done["code"] == COMPLETE else None, done["said"])

    def _key(self, model: Path, profile: str, seed: int) -> str:
        parts = (hashlib.sha256(model.read_bytes()).hexdigest(), __version__, self.pairs, profile, str(seed))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]

    def _make(self, model: Path, profile: str, seed: int, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        begin = time.perf_counter()
        command = [
            sys.executable, "-m", "auditor", str(model), "--data", "digits", "--pairs", self.pairs,
            "--profile", profile, "--seed", str(seed), "--format", "json", "--out", str(folder), "--quiet",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode not in (COMPLETE, REFUSED):
            sys.exit(f"{' '.join(command[1:])} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        folder.mkdir(parents=True, exist_ok=True)
        said = {"code": done.returncode, "said": done.stderr.strip()}
        (folder / DONE).write_text(json.dumps(said), encoding="utf-8")
        seconds = time.perf_counter() - begin
        print(f"{model.stem}, {profile}, seed {seed}: {seconds:.0f} s", file=sys.stderr, flush=True)
