"""What a hostile model may not do, through the command; and the two parts of the sandbox by themselves."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper, save_model
from torch import Tensor, nn

from auditor.documents.plan import ModelPlan
from auditor.errors import InputRefused
from auditor.worker import sandbox
from auditor.worker.sandbox import landlock, seccomp
from tests.cli.command import REPOSITORY, command, environment

confined = pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")
filtered = pytest.mark.skipif(not seccomp.available(), reason="this system's calls cannot be filtered")


def inspect(model: Path, *more: str, **variables: str) -> tuple[int, str]:
    """Exit status and standard error of ``inspect`` with data."""
    done = subprocess.run(
        command("inspect", model, "--data", "digits", *more),
        cwd=model.parent, env=environment(**variables), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def scripted(module: nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(module).save(str(path))
    return path


class Reader(nn.Module):
    """Puts what a file holds into its scores."""

    def __init__(self, path: Path, shared: bool) -> None:
        super().__init__()
        self.path, self.shared = str(path), shared
        self.last = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        inside = torch.from_file(self.path, self.shared, 4)
        if self.shared:
            inside.fill_(7.0)
        return self.last(x.flatten(1)) + inside.sum()


@confined
@pytest.mark.parametrize("shared", [False, True], ids=["reads", "overwrites"])
def test_a_torchscript_file_reaches_no_file_outside_its_own(shared: bool, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(np.ones(4, np.float32).tobytes())
    model = scripted(Reader(secret, shared), tmp_path / "model" / "m.pt")
    status, said = inspect(model)
    assert status == 3, said
    assert secret.read_bytes() == np.ones(4, np.float32).tobytes()
    # Without the sandbox the very same file does it, so the test would see it.
    free, _ = inspect(model, "--trust-model", DEEPDIG_AUDIT_SANDBOX="off")
    assert free == 0
    assert (secret.read_bytes() != np.ones(4, np.float32).tobytes()) == shared


def test_threads_that_are_asked_to_stay_on_a_processor_do_without(tmp_path: Path) -> None:
    model = scripted(nn.Sequential(nn.Flatten(1), nn.Linear(64, 3000), nn.Linear(3000, 10)), tmp_path / "m.pt")
    status, said = inspect(model, "--trust-model", OMP_NUM_THREADS="2", OMP_PROC_BIND="true")
    assert status == 0, said


def test_without_a_sandbox_a_program_needs_trust(tmp_path: Path) -> None:
    model = REPOSITORY / "sample_models" / "digits_fcn.pt"
    status, said = inspect(model, DEEPDIG_AUDIT_SANDBOX="off")
    assert status == 3
    assert "--trust-model" in said
    assert sandbox.in_force() == sandbox.NONE
    sandbox.check_trust(ModelPlan(path="m.onnx"), "onnx")
    sandbox.check_trust(ModelPlan(path="m.pt", trust_model=True), "torchscript")
    with pytest.raises(InputRefused):
        sandbox.check_trust(ModelPlan(path="m.pt"), "torchscript")


class Talker(nn.Module):
    """Prints what a terminal and a CI runner would obey."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        print("\x1b]0;PWNED\x07\n  ::add-mask::e\n\x9b31m")
        return self.last(x.flatten(1))


def test_what_a_model_prints_is_shown_as_text_if_asked_for(tmp_path: Path) -> None:
    model = scripted(Talker(), tmp_path / "m.pt")
    status, said = inspect(model, "--verbose", "--trust-model")
    assert status == 0
    assert "PWNED" in said
    assert not set("\x1b\x07\x9b") & set(said)
    assert {line.partition("PWNED")[0] for line in said.splitlines() if "PWNED" in line} == {
        r"deepdig-audit: worker: \x1b]0;"
    }
    assert not [line for line in said.splitlines() if line.lstrip().startswith("::")]
    assert "PWNED" not in inspect(model, "--trust-model")[1]


def classifier_behind(path: Path, nodes: list[NodeProto], *constants: TensorProto) -> Path:
    """A linear classifier of 64 pixels, whose scores are moved by the number ``more`` that the nodes make."""
    last = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["plain"]),
        helper.make_node("Add", ["plain", "more"], ["score"]),
    ]
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 8, 8]),
        helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", 10]),
    ]
    weight = numpy_helper.from_array(np.eye(64, 10, dtype=np.float32), "w")
    graph = helper.make_graph([*nodes, *last], "g", ends[:1], ends[1:], [weight, *constants])
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def test_an_endless_loop_is_ended_by_the_clock(tmp_path: Path) -> None:
    kinds = {"i": TensorProto.INT64, "go": TensorProto.BOOL, "v": TensorProto.FLOAT}
    taken = [helper.make_tensor_value_info(name, kind, []) for name, kind in kinds.items()]
    given = [helper.make_tensor_value_info(name + "2", kinds[name], []) for name in ("go", "v")]
    steps = [helper.make_node("Identity", ["go"], ["go2"]), helper.make_node("Identity", ["v"], ["v2"])]
    loop = helper.make_node("Loop", ["", "true", "zero"], ["more"], body=helper.make_graph(steps, "b", taken, given))
    start = [numpy_helper.from_array(np.array(True), "true"), numpy_helper.from_array(np.float32(0), "zero")]
    model = classifier_behind(tmp_path / "m.onnx", [loop], *start)
    status, said = inspect(model, DEEPDIG_AUDIT_OPENING_SECONDS="15", DEEPDIG_AUDIT_TRIAL_SECONDS="3")
    assert status == 4, said
    assert "time limit" in said


def test_a_tensor_larger_than_memory_ends_no_more_than_the_worker(tmp_path: Path) -> None:
    shape = numpy_helper.from_array(np.array([10**5, 10**5], np.int64), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
        helper.make_node("ReduceMean", ["huge"], ["more"], keepdims=0),
    ]
    status, said = inspect(classifier_behind(tmp_path / "m.onnx", nodes, shape), DEEPDIG_AUDIT_MEMORY_MB="4000")
    assert status == 4, said
    assert "memory" in said
    assert len(said.splitlines()) == 1


def alone(code: str) -> str:
    """What a fresh interpreter prints; a sandbox cannot be left, so it gets a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=environment(), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@confined
def test_landlock_leaves_the_places_alone(tmp_path: Path) -> None:
    for name in ("read", "write", "none"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    code = f"""
import pathlib
from auditor.worker.sandbox import landlock
root = pathlib.Path({str(tmp_path)!r})
landlock.restrict([(root / "read", landlock.READ), (root / "write", landlock.WRITE), (root / "missing", landlock.READ)])
for name in ("read", "write", "none"):
    for act in (lambda f: f.read_text(), lambda f: f.write_text("y"), lambda f: f.with_name("new").write_text("z")):
        try:
            act(root / name / "file")
            print("y", end="")
        except PermissionError:
            print("n", end="")
"""
    assert alone(code) == "ynn" + "yyy" + "nnn"


@confined
def test_landlock_passes_over_what_no_rule_is_about() -> None:
    code = """
import os, pathlib
from auditor.worker.sandbox import landlock
reading, _ = os.pipe()
landlock.restrict([(pathlib.Path(f"/proc/self/fd/{reading}"), landlock.READ), (pathlib.Path("a" * 300), landlock.READ)])
print("restricted")
"""
    assert alone(code) == "restricted"


@filtered
def test_seccomp_leaves_no_network_and_no_programs() -> None:
    code = """
import os, socket
from auditor.worker.sandbox import seccomp
seccomp.restrict()
TCP, UDP, LOCAL = (socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_UNIX,)
for kind in (TCP, UDP, LOCAL):
    try:
        socket.socket(*kind)
        print("y", end="")
    except PermissionError:
        print("n", end="")
try:
    os.execv("/bin/true", ["true"])
except PermissionError:
    print("n", end="")
print(sum(range(10)))
"""
    assert alone(code) == "nnnn45"


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limits")
def test_a_file_without_end_is_cut_and_no_core_is_dumped(tmp_path: Path) -> None:
    code = f"""
import resource
from auditor.worker.sandbox.limits import Limits, apply_resource_limits
apply_resource_limits(Limits(scratch=1_000_000))
try:
    open({str(tmp_path / "f")!r}, "wb").write(bytes(2_000_000))
except OSError as err:
    print(err.strerror, resource.getrlimit(resource.RLIMIT_CORE))
"""
    assert alone(code) == "File too large (0, 0)"
    assert (tmp_path / "f").stat().st_size == 1_000_000


def test_limits_that_are_no_numbers_are_a_usage_error(tmp_path: Path) -> None:
    model = REPOSITORY / "sample_models" / "digits_cnn.onnx"
    status, said = inspect(model, DEEPDIG_AUDIT_MEMORY_MB="much")
    assert status == 2
    assert "DEEPDIG_AUDIT_MEMORY_MB" in said
