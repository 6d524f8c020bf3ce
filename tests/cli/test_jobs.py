"""Several workers: the same bytes however many there are, and what becomes of the audit when some of them die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.cli.command import DIGITS_CNN, REPOSITORY, Done, command, environment, run
from tests.cli.test_interruption import children, ended, eventually

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")

PAIRS = ",".join(f"{a}:{b}" for a in range(3) for b in range(a + 1, 8))
"""Eighteen pairs: six tasks, with networks that their directions share."""
AUDIT = (
    REPOSITORY / "sample_models" / "digits_fcn.onnx", "--data", "digits", "--pairs", PAIRS, "--profile", "quick",
    "--samples-per-class", "6", "--report-pairs", "1", "--format", "json", "--out", "out", "--verbose",
)  # fmt: skip


def document(folder: Path, name: str = "results.json") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "out" / name).read_text())
    return content


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def several(folder: Path, workers: int) -> tuple[subprocess.Popen[str], list[int]]:
    """An audit whose workers are all there, and these: the first has waited until its helpers have all but opened."""
    process = subprocess.Popen(
        command(*AUDIT, "--jobs", str(workers)), cwd=folder, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while len(pids := sorted(children(process.pid))) < workers:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(pids[0], signal.SIGSTOP)
    before = [0.0]
    while before != (now := [cpu_seconds(pid) for pid in pids[1:]]) or min(now) < 1.0:
        assert time.monotonic() < deadline
        before = now
        time.sleep(1.0)
    os.kill(pids[0], signal.SIGCONT)
    return process, pids


def test_the_same_bytes_however_many_workers(tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    alone = run([*AUDIT, "--jobs", "1"], tmp_path / "alone")
    assert alone.status == 0, alone.stderr
    process, _ = several(tmp_path, 2)
    _, said = process.communicate(timeout=180)
    assert process.returncode == 0, said
    assert "deepdig-audit: worker 2: pair " in said
    assert (tmp_path / "out" / "results.json").read_bytes() == (
        tmp_path / "alone" / "out" / "results.json"
    ).read_bytes()
    before, after = document(tmp_path / "alone", "run.json"), document(tmp_path, "run.json")
    assert (before["workers"], after["workers"]) == (1, 2)
    assert after["peak_memory_bytes"] > 1.5 * before["peak_memory_bytes"]
    assert after["cost"] == before["cost"]


class Deadly(nn.Module):
    """The sample model, which ends its process on the boundary of two classes: TorchScript divides by zero in C++."""

    def __init__(self, inner: nn.Module, a: int, b: int) -> None:
        super().__init__()
        self.inner, self.a, self.b = inner, a, b

    def forward(self, x: Tensor) -> Tensor:
        z = self.inner(x)
        p = torch.softmax(z, 1)
        near = (p[:, self.a] - p[:, self.b]).abs() < 1e-3
        found = int((near & (p[:, self.a] > 0.4)).sum())
        return z + 0 * (1 % (1 - min(found, 1)))


def test_a_pair_that_kills_is_given_up_with_the_reason(tmp_path: Path) -> None:
    # Of so many pairs, the look at a few samples of some, before there is any task, leaves out the fourth.
    pairs = "0:1,0:2,0:3,3:8,4:5,4:6,4:7,4:8,4:9,5:6"
    path = tmp_path / "deadly.pt"
    torch.jit.script(Deadly(torch.jit.load(str(DIGITS_CNN.with_suffix(".pt"))), 3, 8)).save(str(path))
    done: Done = run(
        [path, "--data", "digits", "--pairs", pairs, "--profile", "quick", "--samples-per-class", "8",
         "--generator", "rpbs", "--format", "json", "--out", "out", "--jobs", "2"],
        tmp_path,
    )  # fmt: skip
    assert done.status == 4, done.stderr
    assert "Traceback" not in done.stderr
    results = document(tmp_path)
    assert len(results["pairs"]) == 9
    assert results["coverage"]["missing"] == [[3, 8]]
    assert (
        "3:8 could not be measured: 2 worker processes died over it: that it was ended by SIGFPE"
        in (results["coverage"]["reason"])
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_several_workers(how: signal.Signals, tmp_path: Path) -> None:
    process, pids = several(tmp_path, 3)
    process.send_signal(how)
    _, said = process.communicate(timeout=180)
    assert process.returncode in (130, -how)
    assert "Traceback" not in said
    assert eventually(lambda: all(ended(pid) for pid in pids))
