"""A node carries out orders by a worker of its own; here the worker is a script that speaks the product's messages."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.documents.plan import DataPlan, ModelPlan, Plan
from auditor.documents.tasks import Task
from auditor.engines import node
from auditor.engines.orders import Answer, Order, Parcel, Terms
from auditor.engines.parcels import digest, for_nodes, parcels_of
from auditor.engines.versions import versions
from auditor.worker import process
from auditor.worker.machine import usable_cores
from auditor.worker.sandbox.environment import worker_environment
from tests.cli.command import REPOSITORY

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nodes are Linux or macOS")

OPENS = r"""
import json, os, sys, time
job = json.loads(sys.stdin.readline())
def say(kind, **of): sys.stdout.write(json.dumps({"kind": kind, **of}) + "\n"); sys.stdout.flush()
def hear(kind):
    line = json.loads(sys.stdin.readline())
    assert line["kind"] == kind, line
    return line
PART = {"kind": "baselines", "classes": [0, 1], "directions": [{}, {}], "seconds": 1}
PART["cost"] = {"forward": 1, "backward": 2}
assert open(job["plan"]["model"]["path"]).read() == "model"
say("ready")
assert hear("shared")["name"] == "work"
assert open(os.environ["TMPDIR"] + "/shared-work.npz").read() == "work"
say("want", worker=job["number"])
"""
WORKS = """
for turn in range(2):
    task = hear("task_out")["task"]
    os.makedirs(job["plan"]["instances_folder"], exist_ok=True)
    open(job["plan"]["instances_folder"] + "/1-0.npz", "w").write("instances")
    open(job["plan"]["instances_folder"] + "/8-9.npz", "w").write("of another task")
    PART["cost"]["forward"] = turn
    say("task_in", worker=job["number"], task=task, outcome={"part": PART})
    say("want", worker=job["number"])
"""
CLOSES = "raise SystemExit(7)"
REFUSES = """
hear("task_out")
say("failure", error="InputRefused", arguments=["this", "that", "do so"], trace="")
time.sleep(60)
"""
HANGS = """
hear("task_out")
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path / "tmp"
    for helper in list(node._kept.values()):
        helper.end()


def order(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, **more: object) -> tuple[Order, list[Path]]:
    """An order whose worker does what the code says, and its files."""

    def start(scratch: str, verbose: bool) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", OPENS + code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, start_new_session=True,
            env=worker_environment({}, [str(REPOSITORY), *sys.path], scratch),
        )  # fmt: skip

    monkeypatch.setattr(process, "start_child", start)
    (folder / "m.onnx").write_text("model")
    (folder / "shared-work.npz").write_text("work")
    plan = Plan(model=ModelPlan(path=str(folder / "m.onnx")), data=DataPlan(data="digits"), instances_folder="/nowhere")
    sent = parcels_of(plan)
    shared = folder / "shared-work.npz"
    sent.append((Parcel(purpose="work", name=shared.name, sha256=digest(shared)), shared))
    about = {"versions": versions(), "variables": {}, "cores": usable_cores(), "threads": 1, "not_imported": []}
    terms = Terms(audit="a1", plan=for_nodes(plan), parcels=[parcel for parcel, _ in sent], **{**about, **more})
    return Order(terms=terms, task=Task(kind="baselines", pairs=((0, 1),))), [file for _, file in sent]


def carry_out(asked: Order, files: list[Path]) -> Answer:
    answer = node.carry_out(asked.model_dump_json().encode(), files, Path.read_bytes, "10.0.0.7")
    return Answer.model_validate_json(answer)


def test_a_worker_opens_once_and_does_every_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: Path):
    asked, files = order(tmp_path, monkeypatch, WORKS)
    first, second = carry_out(asked, files), carry_out(asked, [])
    assert [answer.outcome.part.cost.forward for answer in (first, second)] == [0, 1]
    assert {name: b64decode(content) for name, content in first.files.items()} == {"1-0.npz": b"instances"}
    node.tidy("a1")
    assert not any(temporary.iterdir())


def test_a_worker_that_dies_is_no_refusal_and_the_next_order_has_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked, files = order(tmp_path, monkeypatch, CLOSES)
    died = carry_out(asked, files).died
    assert died.found == "that it ended with status 7 and no word"
    asked, files = order(tmp_path, monkeypatch, WORKS)
    assert carry_out(asked, files).outcome is not None


def test_a_refusal_keeps_its_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    refused = carry_out(*order(tmp_path, monkeypatch, REFUSES)).refused
    assert (refused.error, refused.arguments) == ("InputRefused", ["this", "that", "do so"])


def test_another_version_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: Path
):
    refused = carry_out(*order(tmp_path, monkeypatch, WORKS, versions={**versions(), "torch": "1.0"})).refused
    assert refused.error == "InputRefused"
    assert refused.arguments[0] == "torch 1.0 on every node, as here"
    assert not any(temporary.iterdir())


def test_a_cancelled_call_leaves_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Ray cancels by an exception that shows between two instructions of the main thread."""
    asked, files = order(tmp_path, monkeypatch, HANGS)
    looks = []

    def interrupted(*_: object, **__: object) -> None:
        looks.append(node._kept["a1"]._worker.pid)
        if len(looks) > 8:
            raise KeyboardInterrupt
        raise node.Empty

    monkeypatch.setattr(node, "_SECONDS_BETWEEN_LOOKS", 0.01)
    hear = node.Helper._heard

    def heard(helper: node.Helper, kind: type) -> object:
        if kind is node.TaskIn:
            monkeypatch.setattr(helper._events, "get", interrupted)
        return hear(helper, kind)

    monkeypatch.setattr(node.Helper, "_heard", heard)
    with pytest.raises(KeyboardInterrupt):
        carry_out(asked, files)
    assert not Path(f"/proc/{looks[0]}").exists()
    assert not node._kept


def test_threads_are_those_of_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    import os

    from auditor.engines.orders import take_over, threads_of

    asked, _ = order(tmp_path, monkeypatch, WORKS, variables={"MKL_NUM_THREADS": "3"}, threads=2)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as Ray sets it
    take_over(asked.terms)
    assert threads_of(os.environ) == {"MKL_NUM_THREADS": "3"}
    take_over(asked.terms.model_copy(update={"cores": usable_cores() + 1}))
    assert threads_of(os.environ) == {"MKL_NUM_THREADS": "3", "OMP_NUM_THREADS": "2"}
