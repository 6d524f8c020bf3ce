"""The same command goes on: after kill -9, Ctrl-C, a dead worker, a spent budget; the numbers are those of one run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import DIGITS_CNN, Done, command, environment, run
from tests.cli.test_interruption import children
from tests.worker.test_journal import with_own_digests

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")

PAIRS = ",".join(f"{a}:{b}" for a in range(4) for b in range(a + 1, 8))
"""Twenty-two pairs: three shards."""
AUDIT = (
    DIGITS_CNN, "--data", "digits", "--pairs", PAIRS, "--profile", "quick", "--samples-per-class", "8",
    "--report-pairs", "2", "--format", "json", "--out", "out",
)  # fmt: skip


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """results.json of a run in one go."""
    folder = tmp_path_factory.mktemp("whole")
    done = run([*AUDIT, "--jobs", "1"], folder)
    assert done.status == 0, done.stderr
    assert sorted(os.listdir(folder / "out")) == ["results.json", "run.json"]
    return (folder / "out" / "results.json").read_bytes()


def cut_off(folder: Path, how: Callable[[subprocess.Popen[str]], None]) -> Done:
    """An audit that is disturbed as soon as its first pairs are in the journal."""
    process = subprocess.Popen(
        command(*AUDIT), cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    journal = folder / "out" / "audit.journal"
    deadline = time.monotonic() + 120
    while not (journal.exists() and b'"kind":"pairs"' in journal.read_bytes()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    how(process)
    out, err = process.communicate(timeout=180)
    return Done(process.returncode, out, err)


def without_marks(results: bytes | Path) -> dict[str, Any]:
    """The document, of bytes or of an output folder, without what says that parts of it were taken over."""
    content = results if isinstance(results, bytes) else (results / "out" / "results.json").read_bytes()
    document: dict[str, Any] = json.loads(content)
    del document["provenance"]
    document["validity"] = [check for check in document["validity"] if check["id"] != "resumed"]
    return document


def finished(done: Done) -> int:
    """How many pairs the command said that it goes on from."""
    (count,) = re.findall(r"going on from an interrupted run: (\d+) of 22 class pairs are finished", done.stderr)
    return int(count)


@pytest.mark.parametrize(
    ("how", "status"),
    [
        (lambda process: process.kill(), -signal.SIGKILL),
        (lambda process: process.send_signal(signal.SIGINT), 130),
    ],
    ids=["kill -9", "Ctrl-C"],
)
def test_the_same_command_goes_on_to_the_same_numbers(
    how: Callable[[subprocess.Popen[str]], None], status: int, tmp_path: Path, uninterrupted: bytes
) -> None:
    assert cut_off(tmp_path, how).status == status
    assert not (tmp_path / "out" / "results.json").exists()
    done = run(AUDIT, tmp_path)
    assert done.status == 0, done.stderr
    assert finished(done) >= 5
    assert without_marks(tmp_path) == without_marks(uninterrupted)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert len(results["provenance"]["taken_over"]) == 22  # of all of them at least the screening
    assert "warn: 22 of 22 class pairs were taken over, whole or in part," in done.stderr
    assert json.loads((tmp_path / "out" / "run.json").read_text())["pairs_taken_over"] == finished(done)
    assert sorted(os.listdir(tmp_path / "out")) == ["results.json", "run.json"]


def test_a_first_worker_that_dies_is_followed_by_another(tmp_path: Path, uninterrupted: bytes) -> None:
    done = cut_off(tmp_path, lambda process: os.kill(min(children(process.pid)), signal.SIGKILL))
    assert done.status == 0, done.stderr
    assert "the worker process was lost: found that it was ended by SIGKILL" in done.stderr
    document, whole = json.loads((tmp_path / "out" / "results.json").read_bytes()), json.loads(uninterrupted)
    assert document["provenance"] == whole["provenance"]
    assert document["coverage"] == whole["coverage"]
    assert sum(one == other for one, other in zip(document["pairs"], whole["pairs"], strict=True)) >= 22 - 8 - 2
    assert not (tmp_path / "out" / "audit.journal").exists()


def test_what_differs_is_said_and_nothing_of_the_old_run_is_used(tmp_path: Path, uninterrupted: bytes) -> None:
    cut_off(tmp_path, lambda process: process.kill())
    left = (tmp_path / "out" / "audit.journal").read_bytes()
    quick = ("--time-budget", "1s", "--format", "json", "--out", "out")  # tells what it goes on from, and ends
    done = run([*AUDIT, "--seed", "1", *quick], tmp_path)
    assert "starting afresh: not as in the interrupted run: --seed" in done.stderr
    assert done.status == 4

    (tmp_path / "out" / "audit.journal").write_bytes(left)
    done = run([*AUDIT, "--no-resume", *quick], tmp_path)
    assert "going on" not in done.stderr
    assert "found 0 audited" in done.error

    (tmp_path / "out" / "audit.journal").write_bytes(left)
    done = run([*AUDIT, *quick], tmp_path, CI="True")
    assert "going on" not in done.stderr
    assert "an interrupted run left finished class pairs; in CI only --resume goes on from them" in done.stderr

    (tmp_path / "out" / "audit.journal").write_bytes(with_own_digests(left))
    done = run([*AUDIT, *quick], tmp_path)
    assert "going on" not in done.stderr
    assert "found 0 audited" in done.error
    assert "no journal is read or kept: out/audit.journal was not made by this user on this machine" in done.stderr
    assert (tmp_path / "out" / "audit.journal").read_bytes() == with_own_digests(left)

    head, first, *_ = left.splitlines()
    (tmp_path / "out" / "audit.journal").write_bytes(b"\n".join([head, first[:-9] + b"something"]) + b"\n")
    done = run([*AUDIT, *quick], tmp_path)
    assert "starting afresh: nothing of the interrupted run can be used (1 entries of the journal" in done.stderr

    (tmp_path / "out" / "audit.journal").write_bytes(left)
    done = run([*AUDIT, *quick], tmp_path)
    assert done.status == 4  # what is finished is shown, what is missing is named
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    in_full = [pair for pair in results["pairs"] if pair["level"] == "full"]
    assert len(in_full) == finished(done)
    assert len(results["pairs"]) == results["coverage"]["audited"] == 22  # the others have been screened

    # And with the time it needs, the audit is completed; in CI too, where it is asked for.
    done = run([*AUDIT, "--resume"], tmp_path, CI="true")
    assert finished(done) == len(in_full)
    assert done.status == 0
    assert without_marks(tmp_path) == without_marks(uninterrupted)


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    seen: list[Done] = []

    def another(process: subprocess.Popen[str]) -> None:
        seen.append(run(AUDIT, tmp_path))
        process.kill()

    cut_off(tmp_path, another)
    assert seen[0].status == 4
    assert "another audit writing to out" in seen[0].error
