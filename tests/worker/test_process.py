"""The parent's side of a worker: clocks, limits, lines that are cut, and what must not be left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from auditor.documents.messages import Job
from auditor.documents.plan import ModelPlan, Plan
from auditor.errors import AuditError, AuditIncomplete, UsageError
from auditor.worker.sandbox.processes import scratch_held, tree
from tests.cli.command import REPOSITORY, environment
from tests.cli.test_interruption import ended, eventually
from tests.worker.fake_worker import worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

TALKS = """
for _ in range(45):
    say("work")
    time.sleep(0.1)
finish()
"""
SILENT = """
say("work")
time.sleep(1.5)
finish()
"""
PARENT = f"""
import pytest, sys
sys.path.insert(0, {str(REPOSITORY)!r})
from tests.worker.fake_worker import worker
from auditor.errors import AuditError
with pytest.MonkeyPatch.context() as patch, worker(sys.argv[1], patch, SILENCE_SECONDS="1.5") as child:
    print(child.first.pid, flush=True)
    try:
        child.outcome(lambda _: None)
    except AuditError as err:
        print(err, flush=True)
"""


def outcome(child) -> str:
    """The error in which the job ends."""
    with child, pytest.raises(AuditError) as caught:
        child.outcome(lambda _: None)
    return str(caught.value)


def parent(code: str) -> subprocess.Popen[str]:
    """A process of its own that has a worker run the code."""
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, code], stdout=subprocess.PIPE, text=True, env=environment(), cwd=REPOSITORY
    )


def test_a_parent_that_was_stopped_longer_than_the_limit_ends_no_worker() -> None:
    with parent(TALKS) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(3)
        os.kill(process.pid, signal.SIGCONT)
        assert process.stdout.readline() == "finished\n"


def test_a_worker_that_was_stopped_longer_than_the_limit_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    child = worker(TALKS, monkeypatch, SILENCE_SECONDS="1.5")
    time.sleep(0.5)
    os.kill(child.first.pid, signal.SIGSTOP)
    time.sleep(2.5)
    os.kill(child.first.pid, signal.SIGCONT)
    assert outcome(child) == "finished"


@pytest.mark.parametrize(("limit", "said"), [("9", "finished"), ("0.5", "time limit")])
def test_silence_counts(limit: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said in outcome(worker(SILENT, monkeypatch, SILENCE_SECONDS=limit))


@pytest.mark.parametrize("last", ['\'{"kind":"progress","sta\'', "'x' * 300_000"], ids=["cut", "longer than a pipe"])
def test_a_line_that_was_cut_is_no_message(last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"say('work'); sys.stdout.write({last}); sys.stdout.flush(); time.sleep(60)"
    assert "time limit" in outcome(worker(code, monkeypatch, SILENCE_SECONDS="0.5"))


def test_a_worker_that_says_something_else_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "bug in the tool" in outcome(worker("print('hello', flush=True); time.sleep(60)", monkeypatch))


FILES = {
    "a file": "open(os.environ['TMPDIR'] + '/f', 'wb').write(b'x' * 30_000_000)",
    "without a name": "f = open(os.environ['TMPDIR'] + '/f', 'wb'); os.unlink(f.name); f.write(b'x' * 30_000_000)",
}


@pytest.mark.parametrize("code", FILES.values(), ids=FILES)
def test_temporary_files_are_bounded(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    child = worker(f"say('work'); {code}; time.sleep(60)", monkeypatch, SCRATCH_MB="10")
    assert "limit of temporary files" in outcome(child)
    assert not Path(child.first.scratch).exists()


def test_folders_of_very_many_files_are_not_looked_through(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "f").write_bytes(b"x" * 9000)
    assert 9000 <= scratch_held(tmp_path, [], most_files=3) < 40_000
    assert scratch_held(tmp_path, [], most_files=2) == sys.maxsize


def test_memory_is_that_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "os.fork(); held = b'x' * 80_000_000; say('work'); time.sleep(60)"
    assert "memory limit" in outcome(worker(code, monkeypatch, MEMORY_MB="150"))
    alone = worker("held = b'x' * 80_000_000; say('work'); time.sleep(1); finish()", monkeypatch, MEMORY_MB="150")
    assert outcome(alone) == "finished"


def test_threads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import threading
threading.stack_size(65536)
for _ in range(2100):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
time.sleep(60)
"""
    assert "limit of threads" in outcome(worker(code, monkeypatch))


LEAVES = """
child = os.fork()
if not child:
    os.setsid()
    if os.fork():
        os._exit(0)
    say(str(os.getpid()))
    os.close(0); os.close(1)
    time.sleep(300)
    os._exit(0)
"""


@pytest.mark.parametrize(
    "then", ["os.wait(); time.sleep(0.5); finish()", "os.wait(); time.sleep(300)"], ids=["ends", "goes on"]
)
def test_a_process_that_left_the_session_is_ended_with_the_worker(then: str, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    with worker(LEAVES + then, monkeypatch, SILENCE_SECONDS="1") as child, pytest.raises((UsageError, AuditIncomplete)):
        child.outcome(lambda progress: heard.append(int(progress.stage)))
    assert heard
    assert ended(heard[0])
    assert heard[0] not in tree(os.getpid())


def test_a_child_of_somebody_else_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        assert outcome(worker("finish()", monkeypatch)) == "finished"
        assert bystander.poll() is None
        assert bystander.stdin is not None
        bystander.stdin.write(b"\n")
    assert bystander.returncode == 0


def test_a_worker_that_hears_nothing_ends_with_its_parent() -> None:
    busy = (
        "from auditor.worker.sandbox.processes import die_with_parent; die_with_parent(); say('work'); time.sleep(300)"
    )
    with parent(busy) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert eventually(lambda: b"die_with_parent" in Path(f"/proc/{pid}/cmdline").read_bytes())
        time.sleep(1)
        process.kill()
        assert eventually(lambda: ended(pid))


def test_standard_error_comes_in_lines_of_bounded_length(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    code = (
        r"sys.stderr.write('\x1b]0;own\x07\n  ::add-mask::e\n' + 'x' * 5000 + '\nlast'); sys.stderr.flush(); finish()"
    )
    assert outcome(worker(code, monkeypatch, tell=lines.append)) == "finished"
    assert lines[0] == "worker: \x1b]0;own\x07"
    assert lines[1] == "worker:   ::add-mask::e"
    assert all(line.startswith("worker: ") and len(line) <= 2010 for line in lines)
    assert "".join(line.removeprefix("worker: ") for line in lines[2:]) == "x" * 5000 + "last"


def test_a_broken_terminal_does_not_stop_a_worker_that_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> None:
        raise BrokenPipeError

    code = "sys.stderr.write('line\\n' * 200_000); sys.stderr.flush(); finish()"
    assert outcome(worker(code, monkeypatch, tell=broken)) == "finished"


def test_setting_the_clock_changes_no_time_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 4e9)
    job = Job(task="audit", plan=Plan(model=ModelPlan(path="m.onnx")))
    assert abs(job.started - time.monotonic()) < 5
