"""Ctrl-C, a worker that dies, a parent that dies: nothing is left running and the exit code says what happened."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import DIGITS_CNN, command, environment

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")


def start(folder: Path) -> subprocess.Popen[str]:
    """An audit that would take minutes, once its worker has begun."""
    process = subprocess.Popen(
        command(DIGITS_CNN, "--data", "digits", "--out", "out"),
        cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert re.fullmatch(r"deepdig-audit: \d\d:\d\d:\d\d start\n", process.stderr.readline())
    return process


def children(pid: int) -> list[int]:
    """Processes whose parent is ``pid``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


def ended(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has collected it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def eventually(what: Callable[[], bool]) -> bool:
    for _ in range(200):
        if what():
            return True
        time.sleep(0.1)
    return False


def test_ctrl_c(tmp_path: Path):
    process = start(tmp_path)
    workers = children(process.pid)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=180)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-2:] == [
        "deepdig-audit: no class pair was finished; the same command begins anew",
        "deepdig-audit: interrupted",
    ]
    assert "Traceback" not in err
    assert eventually(lambda: all(map(ended, workers)))


def test_a_killed_worker(tmp_path: Path):
    process = start(tmp_path)
    os.kill(min(children(process.pid)), signal.SIGKILL)
    _, err = process.communicate(timeout=180)
    assert process.returncode == 4
    assert "ended by SIGKILL" in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize("hard", [2, 100])
def test_a_limit_on_processor_time_is_not_taken_for_a_lack_of_memory(hard: int, tmp_path: Path):
    """At the soft limit the system sends SIGXCPU, at the hard one SIGKILL as for memory; both reach the worker."""
    import resource

    done = subprocess.run(
        command(DIGITS_CNN, "--data", "digits", "--out", "out"),
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (2, hard)),
    )  # fmt: skip
    assert done.returncode == 4
    assert "used up the 2 s of processor time" in done.stderr.splitlines()[-1]
    assert "memory" not in done.stderr


def test_a_killed_parent_takes_its_workers_along(tmp_path: Path):
    process = start(tmp_path)
    workers = children(process.pid)
    process.kill()
    process.communicate()
    assert eventually(lambda: all(map(ended, workers)))


def test_a_module_beside_the_data_is_not_imported_by_the_worker(tmp_path: Path):
    (tmp_path / "onnx.py").write_text("raise SystemExit('imported a stranger')")
    script = Path(sys.executable).with_name("deepdig-audit")
    if not script.exists():
        pytest.skip("the console script is not installed")
    done = subprocess.run(
        [script, "inspect", DIGITS_CNN], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "digits_cnn.onnx" in done.stdout


def test_ctrl_c_while_modules_are_imported(tmp_path: Path):
    """As early as a process can be interrupted: the first import of the package sends the signal."""
    (tmp_path / "typer.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time\ntime.sleep(9)"
    )
    done = subprocess.run(
        command("--version"), cwd=tmp_path, env=environment(PYTHONPATH=f"{tmp_path}:{environment()['PYTHONPATH']}"),
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert done.returncode == 130
    assert done.stderr == "deepdig-audit: interrupted\n"
