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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import DIGITS_CNN, REPOSITORY, command, environment, run
from tests.cli.test_interruption import eventually

pytest.importorskip("ray", reason="Ray is not installed; make test-cluster runs these tests")
from ray.cluster_utils import Cluster

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

DIGITS_FCN = REPOSITORY / "sample_models" / "digits_fcn.onnx"
PAIRS = ",".join(f"{a}:{b}" for a in range(3) for b in range(a + 1, 7))
SMALL = ("--data", "digits", "--pairs", PAIRS, "--profile", "quick", "--samples-per-class", "12", "--report-pairs", "2",
         "--format", "json", "--out", "out")  # fmt: skip
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}
KEPT = Path(tempfile.gettempdir(), f"deepdig-audit-nodes-{os.geteuid()}")


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
def local(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The results of the audit without a cluster."""
    folder = tmp_path_factory.mktemp("local")
    done = run([DIGITS_CNN, *SMALL], folder)
    assert done.status == 0, done.stderr
    return (folder / "out" / "results.json").read_bytes()


@contextmanager
def another_node(cluster: Cluster, **variables: str) -> Iterator[Any]:
    """A node with more variables in its environment, for as long as the block runs."""
    node = cluster.add_node(**NODE, env_vars=variables)
    try:
        yield node
    finally:
        if node in cluster.worker_nodes:
            cluster.remove_node(node)


def start(cluster: Cluster, folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(DIGITS_CNN, *SMALL, "--engine", "ray", "--engine-address", cluster.address, *more),
        cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


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


def results(folder: Path) -> bytes:
    return (folder / "out" / "results.json").read_bytes()


def without_resumption(text: bytes) -> dict[str, Any]:
    """Results but for what says that some of them are an interrupted run's."""
    document = json.loads(text)
    del document["provenance"]
    document["validity"] = [check for check in document["validity"] if check["id"] != "resumed"]
    return document


def test_the_results_are_those_of_one_machine_and_nothing_stays_on_the_nodes(
    cluster: Cluster, local: bytes, tmp_path: Path
):
    process = start(cluster, tmp_path)
    assert eventually(lambda: len(workers_of_nodes()) >= 2 or process.poll() is not None)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert results(tmp_path) == local
    assert not KEPT.exists()
    assert not workers_of_nodes()
    tasks = json.loads((tmp_path / "out" / "run.json").read_text())["tasks"]
    done = sorted(tuple(pair) for task in tasks if task["kind"] == "full" for pair in task["pairs"])
    assert done == sorted((a, b) for a in range(3) for b in range(a + 1, 7))
    assert len({task["processor"] for task in tasks}) == 1


def test_a_node_that_is_lost_costs_nothing_but_time(cluster: Cluster, local: bytes, tmp_path: Path):
    with another_node(cluster) as node:
        process = start(cluster, tmp_path)
        assert eventually(lambda: len(workers_of_nodes()) >= 3)
        cluster.remove_node(node)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert results(tmp_path) == local
    assert "of the cluster was lost; what it worked on begins anew on another" in err


@pytest.mark.parametrize("first", ["ray", "local"])
def test_what_one_engine_has_finished_the_other_goes_on_from(
    cluster: Cluster, local: bytes, tmp_path: Path, first: str
):
    on_cluster = ("--engine", "ray", "--engine-address", cluster.address)
    process = subprocess.Popen(
        command(DIGITS_CNN, *SMALL, *(on_cluster if first == "ray" else ())),
        cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    journal = tmp_path / "out" / "audit.journal"
    assert eventually(lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "of 15 class pairs are kept in out; the same command goes on from there" in err
    assert not workers_of_nodes()
    assert not KEPT.exists()
    done = run([DIGITS_CNN, *SMALL, *(on_cluster if first == "local" else ())], tmp_path)
    assert done.status == 0, done.stderr
    assert "going on from an interrupted run" in done.stderr
    assert without_resumption(results(tmp_path)) == without_resumption(local)


def test_a_node_with_another_version_is_refused(cluster: Cluster, tmp_path: Path):
    other = tmp_path / "other" / "numpy-9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 9.9\n")
    with another_node(cluster, PYTHONPATH=str(other.parent)):
        done = run([DIGITS_CNN, *SMALL, "--engine", "ray", "--engine-address", cluster.address], tmp_path)
    assert done.status == 3, done.stderr
    assert "numpy 9.9 on " in done.error
    assert done.error.startswith("expected numpy ")
    assert done.error.endswith("; install the same packages there")


def test_a_refusal_on_a_node_is_the_audits(cluster: Cluster, tmp_path: Path):
    script = REPOSITORY / "sample_models" / "digits_fcn.pt"
    with another_node(cluster, DEEPDIG_AUDIT_SANDBOX="off"):
        done = run([script, *SMALL, "--engine", "ray", "--engine-address", cluster.address], tmp_path)
    assert done.status == 3, done.stderr
    assert done.error == (
        "expected a kernel with Landlock and seccomp, because a TorchScript file is a program; found none in force for"
        " digits_fcn.pt; audit it as ONNX, or give --trust-model if you trust its source"
    )
    assert not workers_of_nodes()


def test_saved_instances_come_back(cluster: Cluster, tmp_path: Path):
    small = [*SMALL, "--save-instances"]
    alone = run([DIGITS_FCN, *small], tmp_path / "..")
    done = run([DIGITS_FCN, *small, "--engine", "ray", "--engine-address", cluster.address], tmp_path)
    assert (alone.status, done.status) == (0, 0), done.stderr
    mine, theirs = (
        {file.name: file.read_bytes() for file in (folder / "out" / "instances").iterdir()}
        for folder in (tmp_path, tmp_path / "..")
    )
    assert mine == theirs
    assert len(mine) == 30


def test_ray_on_this_machine_alone(tmp_path: Path):
    done = run([DIGITS_FCN, *SMALL, "--pairs", "3:9,4:9", "--engine", "ray"], tmp_path)
    assert done.status == 0, done.stderr
    assert done.stdout.count("ray") == 0
