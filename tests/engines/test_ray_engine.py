"""Places in a cluster are helpers like any other; here the member of the cluster is a script that speaks its lines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from auditor.documents.messages import HelpWanted, Job, TaskOut
from auditor.documents.plan import ModelPlan, Plan
from auditor.documents.tasks import Task
from auditor.engines import ray_engine
from auditor.engines.ray_cluster import _check_reachable
from auditor.engines.ray_engine import WAITING, RayEngine
from auditor.errors import AuditError, AuditIncomplete, InputRefused, UsageError
from auditor.worker.engine import Event

SAYS = r"""
import json, sys, time
def hear():
    number, text = sys.stdin.readline().rstrip("\n").split(" ", 1)
    return int(number), json.loads(text) if text else None
def say(number, mark="", **of): sys.stdout.write(f"{number} {mark}{json.dumps(of)}\n"); sys.stdout.flush()
join = hear()
assert join[0] == 0 and join[1]["address"] == "10.0.0.5:6379" and "python" in join[1]["versions"], join
"""
JOINS = "say(0, places=3)\n"
ENDS = "assert sys.stdin.read() == ''\n"
WANTED = HelpWanted(tasks=40, device="cpu", threads=1, memory=1, growth=0)
TASK = Task(kind="full", pairs=((3, 9),))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    model = tmp_path / "m.onnx"
    model.write_text("model")
    return Plan(model=ModelPlan(path=str(model)))


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def engine(plan: Plan, said: list[str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    """An engine whose member runs the code that the test was given."""
    member(request.param, monkeypatch)
    with RayEngine(plan, "10.0.0.5:6379", tell=said.append) as made:
        yield made


def member(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(verbose: bool) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", SAYS + code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(ray_engine, "start_member", start)


def events(queue: Queue[Event], count: int) -> Iterator[tuple[str, bytes | None]]:
    for _ in range(count):
        worker, line = queue.get(timeout=20)
        yield worker.name, line


@pytest.mark.parametrize("engine", [JOINS + ENDS], indirect=True)
def test_as_many_helpers_as_places_and_a_few_but_no_more_than_tasks(engine: RayEngine):
    assert engine.most == 3 + WAITING
    assert engine.helpers_for(WANTED) == 3 + WAITING
    assert engine.helpers_for(WANTED.model_copy(update={"tasks": 2})) == 2
    with pytest.raises(UsageError, match="found a GPU; give --device cpu, or leave --engine out"):
        engine.helpers_for(WANTED.model_copy(update={"device": "cuda"}))


ROUTES = (
    JOINS
    + r"""
for number in (2, 3):
    assert hear()[1]["number"] == number
    say(number, kind="ready")
number, load = hear()
assert number == 0 and [p["purpose"] for p in load["terms"]["parcels"]] == ["model", "work"], load
assert load["files"][0].endswith("m.onnx") and open(load["files"][1]).read() == "shared"
for number in (2, 3):
    assert hear() == (number, {"kind": "shared", "name": "work"})
number, out = hear()
say(number, kind="task_in", worker=number, task=out["task"], outcome={})
assert hear() == (3, None)
say(3, kind="want", worker=3)
say(2, "!", found="its node burned down")
say(0, kind="notice", text="a node is gone")
"""
    + ENDS
)


@pytest.mark.parametrize("engine", [ROUTES], indirect=True)
def test_what_is_said_reaches_whom_it_is_for(engine: RayEngine, plan: Plan, said: list[str], tmp_path: Path):
    queue: Queue[Event] = Queue()
    engine.helpers_for(WANTED)
    two, three = (engine.helper(Job(task="help", plan=plan, number=n), queue, f"worker {n}") for n in (2, 3))
    assert sorted(events(queue, 2)) == [("worker 2", b'{"kind": "ready"}\n'), ("worker 3", b'{"kind": "ready"}\n')]
    (tmp_path / "shared-work.npz").write_text("shared")
    for helper in (two, three):
        helper.take_shared("work", tmp_path)
    two.pass_on(TaskOut(worker=2, task=TASK).model_dump_json().encode() + b"\n")
    ((name, line),) = events(queue, 1)
    assert name == "worker 2"
    assert line is not None
    assert line.startswith(b'{"kind": "task_in", "worker": 2')
    three.kill()
    assert list(events(queue, 1)) == [("worker 2", None)]  # of the one that was given up nothing is heard
    assert two.death().found == "its node burned down"
    while not said:
        pass
    assert said == ["a node is gone"]


REFUSES = """
hear()
say(0, kind="failure", error="InputRefused", arguments=["a node with room", "none", "add one"], trace="")
"""


@pytest.mark.parametrize("engine", [JOINS + REFUSES + ENDS], indirect=True)
def test_why_a_cluster_can_be_used_no_more_is_said_by_a_helper(engine: RayEngine, plan: Plan):
    queue: Queue[Event] = Queue()
    engine.helper(Job(task="help", plan=plan, number=2), queue, "worker 2")
    ((_, line),) = events(queue, 1)
    assert line is not None
    assert b"a node with room" in line


@pytest.mark.parametrize("engine", [JOINS + "hear()\nraise SystemExit(5)"], indirect=True)
def test_a_member_that_ends_takes_its_helpers_with_it(engine: RayEngine, plan: Plan):
    queue: Queue[Event] = Queue()
    helper = engine.helper(Job(task="help", plan=plan, number=2), queue, "worker 2")
    assert list(events(queue, 1)) == [("worker 2", None)]
    assert helper.death().for_good


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("raise SystemExit(5)", AuditIncomplete, "expected to join the Ray cluster; found that the process"),
        (
            'say(0, kind="failure", error="InputRefused", arguments=["a", "b", "c"], trace="")',
            InputRefused,
            "found b; c",
        ),
    ],
)
def test_a_cluster_that_cannot_be_joined_is_one_line(
    code: str, kind: type[AuditError], text: str, plan: Plan, monkeypatch: pytest.MonkeyPatch
):
    member(code, monkeypatch)
    with pytest.raises(kind, match=text):
        RayEngine(plan, "10.0.0.5:6379")


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "head:", ":6379", "http://head:80"])
def test_what_is_no_address_is_refused(address: str):
    with pytest.raises(UsageError, match="expected auto or HOST:PORT of the cluster's head"):
        _check_reachable(address)


def test_a_place_where_nothing_listens_is_refused_at_once():
    with pytest.raises(AuditIncomplete, match=r"expected a Ray cluster at 127\.0\.0\.1:1; found: .*refused"):
        _check_reachable("127.0.0.1:1")


def test_without_ray_the_command_says_what_to_install(plan: Plan):
    try:
        import ray  # noqa: F401
    except ImportError:
        with pytest.raises(UsageError, match=r"expected Ray for --engine ray; found none; pip install"):
            RayEngine(plan, "")
    else:
        pytest.skip("Ray is installed")
