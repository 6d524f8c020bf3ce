"""An audit on a cluster of Ray: two nodes that are this machine, and what happens to them.

``make test-cluster`` has an environment with Ray.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import REPOSITORY, command, environment, run
from tests.cli.test_interruption import eventually

pytest.importorskip("ray", reason="Ray is not installed; make test-cluster runs these tests")
from ray.cluster_utils import Cluster

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

MODEL = REPOSITORY / "sample_models" / "digits_fcn.onnx"
PAIRS = [(a, b) for a in range(10) for b in range(a + 1, 10)]
AUDIT = ("--data", "digits", "--profile", "quick", "--samples-per-class", "8", "--report-pairs", "2",
         "--format", "json", "--out", "out")  # fmt: skip
"""Of all pairs: that makes tasks for more than three places."""
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}
KEPT = Path(tempfile.gettempdir(), f"deepdig-audit-nodes-{os.geteuid()}")
SECONDS = 300


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        made = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        made.add_node(**NODE)
        yield made
        made.shutdown()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of the audit without a cluster."""
    folder = tmp_path_factory.mktemp("local")
    done = run([MODEL, *AUDIT, "--save-instances"], folder)
    assert done.status == 0, done.stderr
    return folder / "out"


@contextmanager
def another_node(cluster: Cluster, **variables: str) -> Iterator[Any]:
    """A node with more variables in its environment, for as long as the block runs."""
    node = cluster.add_node(**NODE, env_vars=variables)
    try:
        yield node
    finally:
        if node in cluster.worker_nodes:
            cluster.remove_node(node)


def on(cluster: Cluster) -> tuple[str, ...]:
    return ("--engine", "ray", "--engine-address", cluster.address)


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(MODEL, *AUDIT, "--save-instances", *options),
        cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def await_(what: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something is so while the process runs."""
    until = time.monotonic() + SECONDS
    while not what():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.05)


def workers_of_nodes() -> list[int]:
    """Our workers on the nodes."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                variables = (entry / "environ").read_bytes().split(b"\0")
                is_worker = b"auditor.pipeline.worker_main" in (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if is_worker and any(value.startswith(f"TMPDIR={KEPT}/".encode()) for value in variables):
                found.append(int(entry.name))
    return found


def nothing_is_left() -> bool:
    return not KEPT.exists() and eventually(lambda: not workers_of_nodes())


def instances(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (out / "instances").iterdir()}


def without_resumption(out: Path) -> dict[str, Any]:
    """Results but for what says that some of them are an interrupted run's."""
    document = json.loads((out / "results.json").read_text())
    del document["provenance"]
    document["validity"] = [check for check in document["validity"] if check["id"] != "resumed"]
    return document


def test_the_results_are_those_of_one_machine_and_nothing_stays_on_the_nodes(
    cluster: Cluster, local: Path, tmp_path: Path
):
    process = start(tmp_path, *on(cluster))
    await_(lambda: len(workers_of_nodes()) >= 2, process)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    assert (tmp_path / "out" / "results.json").read_bytes() == (local / "results.json").read_bytes()
    assert instances(tmp_path / "out") == instances(local)
    assert nothing_is_left()
    tasks = json.loads((tmp_path / "out" / "run.json").read_text())["tasks"]
    assert sorted(tuple(pair) for task in tasks if task["kind"] == "full" for pair in task["pairs"]) == PAIRS
    assert len({task["processor"] for task in tasks}) == 1


def test_a_node_that_is_lost_costs_nothing_but_time(cluster: Cluster, local: Path, tmp_path: Path):
    with another_node(cluster) as node:
        process = start(tmp_path, *on(cluster))
        await_(lambda: len(workers_of_nodes()) >= 3, process)
        cluster.remove_node(node)
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    assert (tmp_path / "out" / "results.json").read_bytes() == (local / "results.json").read_bytes()
    assert "of the cluster was lost; what it worked on begins anew on another" in err


@pytest.mark.parametrize("first", ["ray", "local"])
def test_what_one_engine_has_finished_the_other_goes_on_from(cluster: Cluster, local: Path, tmp_path: Path, first: str):
    on_cluster = on(cluster)
    process = start(tmp_path, *(on_cluster if first == "ray" else ()))
    journal = tmp_path / "out" / "audit.journal"
    await_(lambda: journal.exists() and b'"kind":"pairs"' in journal.read_bytes(), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, err
    assert "of 45 class pairs are kept in out; the same command goes on from there" in err
    assert nothing_is_left()
    done = run([MODEL, *AUDIT, "--save-instances", *(on_cluster if first == "local" else ())], tmp_path)
    assert done.status == 0, done.stderr
    assert "going on from an interrupted run" in done.stderr
    assert without_resumption(tmp_path / "out") == without_resumption(local)


def test_a_node_with_another_version_is_refused(cluster: Cluster, tmp_path: Path):
    other = tmp_path / "other" / "numpy-9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 9.9\n")
    with another_node(cluster, PYTHONPATH=f"{other.parent}:{REPOSITORY}"):
        done = run([MODEL, *AUDIT, *on(cluster)], tmp_path)
    assert done.status == 3, done.stderr
    assert "; found numpy 9.9 on " in done.error
    assert done.error.startswith("expected numpy ")
    assert done.error.endswith("; install the same packages there")


def test_a_refusal_on_a_node_is_the_audits(cluster: Cluster, tmp_path: Path):
    script = MODEL.with_suffix(".pt")
    with another_node(cluster, DEEPDIG_AUDIT_SANDBOX="off"):
        done = run([script, *AUDIT, *on(cluster)], tmp_path)
    assert done.status == 3, done.stderr
    assert done.error == (
        "expected a kernel with Landlock and seccomp, because a TorchScript file is a program; found none in force for"
        " digits_fcn.pt; audit it as ONNX, or give --trust-model if you trust its source"
    )
    assert nothing_is_left()


def test_a_cluster_of_this_machine_alone(tmp_path: Path):
    done = run([MODEL, *AUDIT, "--pairs", "3:9", "--engine", "ray"], tmp_path, RAY_ADDRESS="")
    assert done.status == 0, done.stderr
    assert (tmp_path / "out" / "results.json").exists()
    assert "Ray" not in done.stdout + done.stderr
