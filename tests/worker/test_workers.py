"""The parent between an audit's first worker and its helpers: who hears what, who dies, what is started anew.

The workers are scripts that speak the product's messages; the product starts, watches and answers them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from auditor.documents.messages import Begun, Job, PartDone
from auditor.documents.pair_outcomes import BaselinesPart
from auditor.documents.plan import DataPlan, ModelPlan, Plan
from auditor.documents.results import Cost
from auditor.documents.tasks import Task
from auditor.errors import AuditError
from auditor.worker import process
from auditor.worker.sandbox.environment import worker_environment
from auditor.worker.workers import Workers, may_need_help
from tests.cli.command import REPOSITORY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ends processes by signals")

SAYS = r"""
import json, os, signal, sys, threading, time
job = json.loads(sys.stdin.readline())
def say(kind, **of): sys.stdout.write(json.dumps({"kind": kind, **of}) + "\n"); sys.stdout.flush()
def hear(kind):
    line = json.loads(sys.stdin.readline())
    assert line["kind"] == kind, line
    return line
def finish(text): say("failure", error="UsageError", arguments=[text], trace=""); time.sleep(60)
def end(number): os.kill(os.getpid(), number)
TASK = {"kind": "baselines", "pairs": [[0, 1]]}
PART = {"kind": "baselines", "classes": [0, 1], "directions": [{}, {}], "seconds": 1.0,
        "cost": {"forward": 1, "backward": 2}}
"""
BEGINS = """
say("begun", facts={"a": "b"}, changed=[], taken=0, wanted=3)
"""
ASKS = (
    BEGINS
    + """
say("help_wanted", tasks=5, device="cpu", threads=1, memory=1, growth=0)
helpers = hear("helpers")["count"]
open(os.environ["TMPDIR"] + "/shared-work.npz", "w").write("shared")
say("shared", name="work")
"""
)
OPENS = """
say("ready")
assert hear("shared")["name"] == "work"
assert open(os.environ["TMPDIR"] + "/shared-work.npz").read() == "shared"
say("want", worker=job["number"])
"""
WAITS = """
if job["early"]: say("waiting"); hear("open")
"""
PART = BaselinesPart(classes=(0, 1), directions=({}, {}), cost=Cost(forward=1, backward=2), seconds=1.0)
TASK = Task(kind="baselines", pairs=((0, 1),))


class Ended(Exception):
    """How a job of scripts has ended."""


def ran(
    first: str,
    helper: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    jobs: int | None = 2,
    keep: Callable[[Begun | PartDone], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
    **limits: str,
) -> str:
    """The error with which a job of such workers ends."""
    code = f"{SAYS}\nif job['task'] == 'audit':\n{indented(first)}\nelse:\n{indented(WAITS + helper)}"

    def start(scratch: str, verbose: bool) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None,
            start_new_session=True, env=worker_environment({}, [str(REPOSITORY), *sys.path], scratch),
        )  # fmt: skip

    monkeypatch.setattr(process, "start_child", start)
    for name, value in limits.items():
        monkeypatch.setenv(f"DEEPDIG_AUDIT_{name}", value)
    job = Job(task="audit", plan=Plan(model=ModelPlan(path=str(Path(__file__)))))
    with Workers(job, jobs=jobs, tell=tell) as workers, pytest.raises(AuditError) as caught:
        workers.outcome(lambda _: None, keep)
    return str(caught.value)


def indented(code: str) -> str:
    return "\n".join(f"    {line}" for line in f"pass\n{code}".splitlines())


def test_a_task_goes_to_a_helper_and_its_part_is_kept_before_the_first_worker_hears(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[Begun | PartDone] = []
    first = ASKS + (
        'say("task_out", worker=hear("want")["worker"], task=TASK); done = hear("task_in")\n'
        "finish(f\"{helpers} helper, number {done['worker']}, cost {done['outcome']['part']['cost']}\")"
    )
    helper = OPENS + (
        'task = hear("task_out")["task"]; assert task == TASK, task\n'
        'say("task_in", worker=job["number"], task=task, outcome={"part": PART}); time.sleep(60)'
    )
    assert ran(first, helper, monkeypatch, keep=kept.append) == (
        "1 helper, number 2, cost {'forward': 1, 'backward': 2}"
    )
    assert kept[1:] == [PartDone(part=PART)]


@pytest.mark.parametrize(("number", "started"), [("SIGFPE", "2, 3"), ("SIGKILL", "2")], ids=["crash", "memory"])
def test_a_helper_that_dies_over_a_task(number: str, started: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    first = ASKS + (
        'first = hear("want")["worker"]; say("task_out", worker=first, task=TASK); lost = hear("lost")\n'
        f'more = [hear("want")["worker"]] if {number!r} == "SIGFPE" else []\n'
        'finish(f"{[first, *more]} {lost}")'
    )
    helper = OPENS + (
        f'if job["number"] == 2: hear("task_out"); end(signal.{number})\n'
        'time.sleep(60)'
    )  # fmt: skip
    said = ran(first, helper, monkeypatch, tell=told.append)
    assert f"[{started}]" in said
    assert "'worker': 2, 'task': {'kind': 'baselines', 'pairs': [[0, 1]], " in said
    assert f"'reason': 'that it was ended by {number}" in said
    (line,) = told
    assert line.startswith(f"warn: worker 2 was lost over pair 0:1: found that it was ended by {number}")


def test_a_first_worker_that_dies_over_a_task_is_followed_by_one_that_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    kept: list[Begun | PartDone] = []
    first = BEGINS + (
        "if job[\"deaths\"]: finish(f\"{len(job['made'])} made, {job['deaths']}\")\n"
        'say("part", part=PART); say("task_out", worker=1, task={**TASK, "pairs": [[0, 2]]}); end(signal.SIGABRT)'
    )
    said = ran(first, "", monkeypatch, jobs=1, keep=kept.append, tell=told.append)
    assert said.startswith("1 made, [{'kind': 'lost', 'worker': 1, 'task': {'kind': 'baselines', 'pairs': [[0, 2]], ")
    assert "ended by SIGABRT" in said
    assert [message.kind for message in kept] == ["begun", "part"]
    assert told == [
        "warn: over pair 0:2 the worker process was lost: found that it was ended by SIGABRT; another goes on"
    ]


@pytest.mark.parametrize(
    "code", ["end(signal.SIGABRT)", BEGINS + "end(signal.SIGABRT)"], ids=["at the start", "between tasks"]
)
def test_one_that_dies_over_nothing_ends_the_job(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "found that it was ended by SIGABRT; run again" in ran(code, "", monkeypatch)


def test_one_that_follows_and_finds_another_audit_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first = (
        'say("begun", facts={"the model": str(len(job["deaths"]))}, changed=[], taken=0, wanted=3)\n'
        'say("task_out", worker=1, task=TASK); end(signal.SIGABRT)'
    )
    assert "found a change of the model" in ran(first, "", monkeypatch)


@pytest.mark.parametrize(
    "says",
    [
        'say("want", worker=1)',
        'say("finished", results={}, run={})',
        'print("nonsense", flush=True)',
        'say("task_in", worker=2, task=TASK, outcome={})',
        'say("failure", error="InputRefused", arguments=["a", "b", "c"], trace="")',
    ],
)
def test_a_helper_that_says_what_none_says_is_lost_and_no_more(says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ASKS + 'finish(str(hear("lost")))'
    assert "'worker': 2, 'task': None" in ran(first, f"{says}; time.sleep(60)", monkeypatch)


def test_a_task_for_one_that_has_died_comes_back_uncharged(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ASKS + (
        'assert hear("lost")["task"] is None\nsay("task_out", worker=2, task=TASK); finish(str(hear("lost")))'
    )
    assert "'reason': ''" in ran(first, "end(signal.SIGABRT)", monkeypatch)


def test_helpers_that_wait_for_work_may_be_silent_and_others_not(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ASKS + (
        "def talk():\n"
        '    while True: say("progress", stage="class pairs", done=0, total=1); time.sleep(0.1)\n'
        "threading.Thread(target=talk, daemon=True).start()\n"
        'number = hear("want")["worker"]; time.sleep(3); say("task_out", worker=number, task=TASK)\n'
        'finish(str(hear("lost")))'
    )
    said = ran(first, OPENS + "time.sleep(60)", monkeypatch, SILENCE_SECONDS="1.5")
    assert "'task': {'kind': 'baselines'" in said
    assert "no end of the stage 'class pairs' after 2 s (time limit)" in said


def test_what_is_shared_is_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("shared")
    first = (
        BEGINS
        + 'say("help_wanted", tasks=5, device="cpu", threads=1, memory=1, growth=0); hear("helpers")\n'
        + f'os.symlink({str(tmp_path / "secret")!r}, os.environ["TMPDIR"] + "/shared-work.npz")\n'
        + 'say("shared", name="work"); time.sleep(60)'
    )
    said = ran(first, 'say("ready"); time.sleep(60)', monkeypatch)
    assert said.startswith("expected to hand what workers share to a helper; found: ")


def test_a_helper_that_was_started_early_and_is_not_needed_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    first = BEGINS + (
        'say("help_wanted", tasks=1, device="cpu", threads=1, memory=1, growth=0)\n'
        'finish(str(hear("helpers")["count"]))'
    )
    assert ran(first, 'finish("it was told to open")', monkeypatch) == "0"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize(
    ("task", "pairs", "data", "device", "expected"),
    [
        ("audit", "all", "digits", "auto", True),
        ("audit", "3:8,4:9", "digits", "cpu", True),
        ("audit", "3:8", "digits", "cpu", False),
        ("audit", "all", "mnist", "cpu", False),
        ("audit", "all", "digits", "cuda:1", False),
        ("inspect", "all", "digits", "cpu", False),
    ],
)
def test_help_is_made_ready_where_there_is_likely_to_be_work_for_it(
    task: Literal["audit", "inspect"], pairs: str, data: str, device: str, expected: bool
) -> None:
    plan = Plan(model=ModelPlan(path="model.onnx", device=device), data=DataPlan(data=data), pairs=pairs)
    assert may_need_help(Job(task=task, plan=plan)) is expected


def test_helpers_are_as_many_as_asked_for_and_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ASKS + 'pids = [hear("want")["worker"] for _ in range(helpers)]; finish(str(sorted(pids)))'
    assert ran(first, OPENS + "time.sleep(60)", monkeypatch, jobs=4) == "[2, 3, 4]"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
