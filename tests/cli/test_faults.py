"""The k-th write, fsync or rename fails, for every k: old or new file, never a part; one line; exit code 4; it goes on.

The command runs in this process, so that its calls can be made to fail. What the worker says is what a real one said
once, word for word: a child process repeats it.
"""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor.cli import main
from auditor.documents.messages import Job
from auditor.documents.plan import Plan
from auditor.documents.results import to_json
from auditor.documents.whole_files import read_run
from auditor.pipeline.pairs import shard
from auditor.worker import process
from auditor.worker.journal_key import user_key
from tests.cli.command import DIGITS_CNN, environment

REPEAT = "import shutil, sys; sys.stdin.readline(); shutil.copyfileobj(open(sys.argv[1], 'rb'), sys.stdout.buffer)"
AUDIT = [str(DIGITS_CNN), "--data", "digits", "--format", "json,junit,markdown", "--quiet", "--out", "out"]
KINDS = ("write", "fsync", "rename")
EARLIER = {
    "results.json": b'{"schema_version": "1.0", "tool": {"name": "deepdig-audit"}, "gate": "an old verdict"}',
    "run.json": b'{"schema_version": "1.0", "duration_seconds": 1.0, "stages": {"an old verdict": 1.0}}',
    "junit.xml": b'<testsuites name="deepdig-audit"><!-- an old verdict --></testsuites>',
    "summary.md": b"### Passed: decision boundary of `an old verdict` on `digits`",
}
"""What an earlier version of the tool may have left."""


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the worker of a small audit says: two pairs screened, both in one part, and the baselines of one."""
    plan = Plan(
        model={"path": str(DIGITS_CNN)}, data={"data": "digits"}, pairs="3:8,4:9", profile="quick",
        samples_per_class=16, report_pairs=1,
    )  # fmt: skip
    job = Job(task="audit", plan=plan).model_dump_json().encode() + b"\n"
    worker = subprocess.Popen(
        [sys.executable, "-P", "-m", "auditor.pipeline.worker_main"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env=environment(),
    )  # fmt: skip
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(job)
    worker.stdin.flush()
    said = worker.stdout.read()
    worker.stdin.close()
    worker.wait()
    kinds = [json.loads(line)["kind"] for line in said.splitlines()]
    assert [kind for kind in kinds if kind != "progress"] == ["begun", "part", "part", "part", "finished"]
    path = tmp_path_factory.mktemp("words") / "said"
    path.write_bytes(said)
    return path


class Faults:
    """Counts calls of each kind; fails the ``at``-th of one kind."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.kind, self.at, self.calls = "", 0, dict.fromkeys(KINDS, 0)
        opened, fsync, replace = io.open, os.fsync, os.replace

        def opening(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
            found = opened(file, mode, *more, **named)
            return Failing(found, self) if mode in ("xb", "ab") else found

        patch.setattr(io, "open", opening)
        patch.setattr(builtins, "open", opening)
        patch.setattr(os, "fsync", self.counted("fsync", fsync))
        patch.setattr(os, "replace", self.counted("rename", replace))

    def fail(self, kind: str, at: int) -> None:
        """From now on, fail the call of that kind and number; 0 fails none."""
        self.kind, self.at, self.calls = kind, at, dict.fromkeys(KINDS, 0)

    def counted(self, kind: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **named: Any) -> Any:
            self.calls[kind] += 1
            if (self.kind, self.at) == (kind, self.calls[kind]):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*arguments, **named)

        return counting


class Failing:
    """A file whose ``write`` may fail after half of what it is given, as on a full disk."""

    def __init__(self, file: Any, faults: Faults) -> None:
        self._file, self._faults = file, faults

    def write(self, content: bytes) -> int:
        half = self._faults.counted("write", lambda: None)
        try:
            half()
        except OSError:
            self._file.write(content[: len(content) // 2])
            self._file.flush()
            raise
        return int(self._file.write(content))

    def __enter__(self) -> Failing:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.fixture
def faults(words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Faults of a command that runs in ``tmp_path`` and whose worker repeats its words."""

    def repeating(scratch: str, verbose: bool) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", REPEAT, str(words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip

    user_key(tmp_path)  # made once for all audits, by calls that are not counted
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    monkeypatch.setattr(process, "start_child", repeating)
    monkeypatch.setattr(shard, "MOST_PAIRS", {"cpu": 2, "cuda": 2})
    return Faults(monkeypatch)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): content(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def content(path: Path) -> bytes:
    """What a file holds; of a run.json all but how long rendering took, which is written last and differs each time."""
    run = read_run(path) if path.name == "run.json" else None
    return path.read_bytes() if run is None else to_json(run.model_copy(update={"rendering_seconds": {}})).encode()


def expect(
    faults: Faults, command: list[str], folder: Path, capsys: pytest.CaptureFixture[str], prepare: Callable[[], object]
) -> int:
    """Fail every call of every kind once; returns how many faults there were."""
    prepare()
    old = files(folder)
    faults.fail("", 0)
    assert main(command) == 0
    capsys.readouterr()
    new, count = files(folder), 0
    calls = dict(faults.calls)
    for kind in KINDS:
        assert calls[kind], kind
        for at in range(1, calls[kind] + 1):
            prepare()
            faults.fail(kind, at)
            assert main(command) == 4, (kind, at)
            (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("deepdig-audit: error")]
            assert "No space left on device" in line, line
            assert "internal error" not in line, (kind, at)
            for name, content in files(folder).items():
                assert b"an old verdict" not in content, (kind, at, name)
                if name != "out/audit.journal":  # which may end in a line that was cut
                    assert content in (old.get(name), new.get(name)), (kind, at, name)
            faults.fail("", 0)
            assert main(command) == 0, (kind, at)  # the same command once more
            capsys.readouterr()
            assert files(folder) == new, (kind, at)
            count += 1
    return count


def test_the_audit(faults: Faults, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def old_files() -> None:
        for path in sorted((tmp_path / "out").glob("*")):
            path.unlink()
        (tmp_path / "out").mkdir(exist_ok=True)
        for name, content in EARLIER.items():
            (tmp_path / "out" / name).write_bytes(content)

    # journal: 1 + 3 lines; results.json, run.json, junit.xml, summary.md, run.json once more
    assert expect(faults, AUDIT, tmp_path, capsys, old_files) == 9 + (2 + 3 + 2 * 5) + 6


def test_run_json_says_how_long_each_output_took_or_why_there_is_none(
    faults: Faults, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said() -> dict[str, Any]:
        return dict(json.loads((tmp_path / "out" / "run.json").read_text())["rendering_seconds"])

    assert main(AUDIT) == 0
    took = said()
    assert took.keys() == {"junit", "markdown"}
    assert all(isinstance(seconds, float) and 0 < seconds < 60 for seconds in took.values())
    before = files(tmp_path / "out")
    faults.fail("rename", faults.calls["rename"] - 2)  # that of junit.xml
    assert main(AUDIT) == 4
    capsys.readouterr()
    assert "No space left on device" in said()["junit"]["not_measured"]
    assert isinstance(said()["markdown"], float)
    assert files(tmp_path / "out") == {name: text for name, text in before.items() if name != "junit.xml"}
    faults.fail("rename", faults.calls["rename"])  # that of the second run.json
    assert main(AUDIT) == 4
    assert said() == {name: {"not_measured": "it has not been made yet"} for name in ("junit", "markdown")}


COMMANDS = {
    "render": ["render", "in/results.json", "--format", "html,junit", "--out", "out", "--quiet"],
    "gate": ["gate", "in/results.json", "--policy", "in/policy.toml", "--format", "json,sarif", "--out", "out"],
    "init-policy": ["init-policy", "in/results.json", "--out", "policy.toml", "--force", "--quiet"],
    "compare": ["compare", "in/results.json", "in/results.json", "--format", "json,html", "--out", "out", "--quiet"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_the_other_commands(
    command: list[str], faults: Faults, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*AUDIT[:-1], "in"]) == 0
    assert main(["init-policy", "in/results.json", "--out", "in/policy.toml", "--quiet"]) == 0
    capsys.readouterr()
    assert expect(faults, command, tmp_path, capsys, lambda: None) >= 4
