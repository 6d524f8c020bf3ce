"""Which files a worker opens once it has closed itself in: of its model's folder, of other processes, of a GPU."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import _get_all_tensors

from auditor.errors import InputRefused
from auditor.models.onnx.external_data_files import weights_files
from auditor.models.open import open_file
from tests.worker.sandbox.alone import alone, confined
from tests.worker.test_sandbox import inspect

ENTERED = """
import os, pathlib, sys, tempfile
from auditor.worker import sandbox
from auditor.documents.plan import ModelPlan, Plan
tempfile.tempdir = sys.argv[1] + ".scratch"
sandbox.enter(Plan(model=ModelPlan(path=sys.argv[1])))
for name in sys.argv[2:]:
    try:
        pathlib.Path(name.replace("PARENT", str(os.getppid()))).read_bytes()
        print("read")
    except PermissionError:
        print("denied")
"""


def stored(values: np.ndarray, name: str, file: str) -> TensorProto:
    """A tensor whose data lie in a file."""
    tensor = numpy_helper.from_array(values, name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", file), ("offset", "0"), ("length", str(values.nbytes))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def classifier(path: Path, file: str, inner: str = "") -> Path:
    """A linear classifier whose weights lie in ``file``, and in a branch those of ``inner``."""
    ends = [helper.make_tensor_value_info("x", 1, ["n", 1, 8, 8]), helper.make_tensor_value_info("y", 1, ["n", 10])]
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["y"])]
    if inner:
        constant = helper.make_node("Constant", [], ["z"], value=stored(np.ones(4, np.float32), "z", inner))
        branch = helper.make_graph([constant], "b", [], [helper.make_tensor_value_info("z", 1, [4])])
        nodes.append(helper.make_node("If", ["c"], ["u"], then_branch=branch, else_branch=branch))
    constants = [stored(np.eye(64, 10, dtype=np.float32), "w", file)]
    if inner:
        constants.append(numpy_helper.from_array(np.array(True), "c"))
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def weights(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(np.eye(64, 10, dtype=np.float32).tobytes())
    return path


@confined
def test_only_named_weights_are_open_and_nobody_elses_environment(tmp_path: Path) -> None:
    named, inner, other = (weights(tmp_path / name) for name in ("w.bin", "deep/er/inner.bin", "other.bin"))
    hidden = weights(tmp_path / ".git" / "config")
    model = classifier(tmp_path / "m.onnx", "w.bin", "deep/er/inner.bin")
    asked = [model, named, inner, other, hidden, "/proc/self/environ", "/proc/PARENT/environ", "/proc/1/environ"]
    assert alone(ENTERED, model, *asked) == ["read"] * 3 + ["denied"] * 2 + ["read"] + ["denied"] * 2


@pytest.mark.parametrize("name", [".git/config", "a/.hidden/w.bin", ".w.bin"])
def test_a_hidden_file_holds_no_weights(name: str, tmp_path: Path) -> None:
    weights(tmp_path / name)
    model = classifier(tmp_path / "m.onnx", name)
    assert weights_files(model) == []
    with pytest.raises(InputRefused, match="neither hidden nor a link"):  # also where there is no sandbox
        open_file(model)


def test_the_command_refuses_a_model_whose_weights_are_a_hidden_file(tmp_path: Path) -> None:
    weights(tmp_path / ".git" / "config")
    status, said = inspect(classifier(tmp_path / "m.onnx", ".git/config"))
    assert status == 3
    assert "external data" in said
    assert len(said.splitlines()) == 1


@confined
@pytest.mark.parametrize("name", ["missing.onnx", ".", "loop", "a" * 300])
def test_a_model_that_cannot_be_opened_stands_in_no_way(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert alone(ENTERED, tmp_path / name) == []


def test_named_files_are_those_that_onnx_finds(tmp_path: Path) -> None:
    weights(tmp_path / "w.bin")
    weights(tmp_path / "deep" / "inner.bin")
    model = classifier(tmp_path / "m.onnx", "w.bin", "deep/inner.bin")
    found = onnx.load_model_from_string(model.read_bytes())
    names = [entry.value for tensor in _get_all_tensors(found) for entry in tensor.external_data[:1]]
    assert weights_files(model) == [tmp_path / name for name in sorted({*names})]
    assert sorted({*names}) == ["deep/inner.bin", "w.bin"]


@pytest.mark.parametrize(
    "name", ["../w.bin", "/etc/hostname", "link.bin", "loop.bin", "a\0b", "missing.bin", "folder", "x" * 5000]
)
def test_names_that_lead_elsewhere_open_nothing(name: str, tmp_path: Path) -> None:
    weights(tmp_path / "w.bin")
    (tmp_path / "m" / "folder").mkdir(parents=True)
    (tmp_path / "m" / "link.bin").symlink_to(tmp_path / "w.bin")
    (tmp_path / "m" / "loop.bin").symlink_to(tmp_path / "m" / "loop.bin")
    assert weights_files(classifier(tmp_path / "m" / "m.onnx", name)) == []


def test_damaged_models_name_files_of_their_folder_or_none(tmp_path: Path) -> None:
    weights(tmp_path / "w.bin")
    model, rng = classifier(tmp_path / "m.onnx", "w.bin", "w.bin"), random.Random(5)
    whole, named = model.read_bytes(), 0
    for _ in range(500):
        content = bytearray(whole)
        for _ in range(rng.randrange(1, 6)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        model.write_bytes(content[: rng.randrange(len(content))] if rng.random() < 0.2 else content)
        files = weights_files(model)
        assert files in ([], [tmp_path / "w.bin"])
        named += bool(files)
    assert 100 < named < 500
    for content in (b"", b"\xff" * 100, b"location", b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01location"):
        model.write_bytes(content)
        assert weights_files(model) == []
    os.mkfifo(tmp_path / "pipe")
    assert weights_files(tmp_path / "pipe") == []
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("missing.onnx", ".", "loop", "a" * 300, "a\0b"):
        assert weights_files(tmp_path / name) == []
    assert onnx.load_model_from_string(whole).graph.initializer[0].name == "w"


CUDA = """
import ctypes, mmap, os, socket, sys, threading
from pathlib import Path
from auditor.documents.plan import ModelPlan, Plan
from auditor.worker.sandbox import capabilities, landlock, seccomp
from auditor.worker.sandbox.places import has_gpu, of_gpu, places
devices, scratch = Path(sys.argv[1]), Path(sys.argv[2])
heard = socket.socket(socket.AF_UNIX)
heard.bind(str(scratch / "heard"))
heard.listen()
capabilities.give_up()
landlock.restrict([*places(Plan(model=ModelPlan(path="m.onnx")), scratch), *of_gpu(devices)])
seccomp.restrict(cuda=has_gpu(devices))

def told(name, act):
    try:
        act()
        print(name, "done")
    except OSError:
        print(name, "denied")

def named():
    (Path("/proc/self/task") / str(threading.get_native_id()) / "comm").write_text("cuda00001400006")

def later():
    thread = threading.Thread(target=told, args=("later thread", named))
    thread.start()
    thread.join()

def device():
    with open(devices / "nvidia0", "r+b", buffering=0) as file:
        import fcntl
        fcntl.ioctl(file, 0x541B, b"    ")

def shared():
    handle = os.memfd_create("cuda")
    os.ftruncate(handle, 4096)
    mmap.mmap(handle, 4096)

def listening(name="\\0cuda-uvmfd"):
    local = socket.socket(socket.AF_UNIX)
    local.bind(name + str(os.getpid()))
    local.listen()
    return local

own = f"/proc/self/task/{os.getpid()}/oom_score_adj"
told("comm", named)
later()
told("device", device)
told("memory", shared)
told("locked", lambda: ctypes.CDLL(None).mlock(ctypes.create_string_buffer(4096), 4096) and 1 / 0)
told("cache", lambda: (scratch / "ComputeCache").mkdir() or (scratch / "ComputeCache" / "index").write_bytes(b"x"))
listed = [path for path in (Path("/proc/modules"), Path("/proc/devices")) if path.exists()]
told("modules", lambda: [path.read_bytes() for path in listed])
told("maps", lambda: Path("/proc/self/maps").read_bytes())
told("listen", listening)
told("accept", lambda: heard.accept())
told("connect", lambda: socket.socket(socket.AF_UNIX).connect(str(scratch / "heard")))
told("socket file", lambda: listening(str(scratch / "new")))
told("packets", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
told("pair", lambda: socket.socketpair())
told("network", lambda: socket.socket(socket.AF_INET))
told("kernel's messages", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
told("oom of a thread", lambda: Path(own).write_text("-1000"))
told("oom", lambda: Path("/proc/self/oom_score_adj").write_text("-1000"))
told("other process", lambda: Path(f"/proc/{os.getppid()}/comm").read_bytes())
told("system", lambda: Path("/proc/sys/kernel/hostname").open("r+"))
told("new device", lambda: (devices / "nvidia9").write_bytes(b"x"))
"""
CUDA_NEEDS = ["comm", "later thread", "device", "memory", "locked", "cache", "modules", "maps", "listen"]
CUDA_NEEDS_NOT = ["accept", "connect", "socket file", "packets", "pair", "network", "kernel's messages",
                  "oom of a thread", "oom", "other process", "system", "new device"]  # fmt: skip


@confined
@pytest.mark.parametrize("driver", ["nvidiactl", "dxg", ""])
def test_what_cuda_needs_is_open_where_there_is_a_driver(driver: str, tmp_path: Path) -> None:
    devices, scratch = tmp_path / "dev", tmp_path / "scratch"
    devices.mkdir()
    scratch.mkdir()
    (devices / "nvidia0").write_bytes(b"0000")
    if driver:
        (devices / driver).write_bytes(b"")
    outcome = dict(line.rsplit(" ", 1) for line in alone(CUDA, devices, scratch))
    closed = set(CUDA_NEEDS_NOT) | (set() if driver else {"comm", "later thread", "device", "listen"})
    assert {name for name, what in outcome.items() if what == "denied"} == closed
    assert set(outcome) == {*CUDA_NEEDS, *CUDA_NEEDS_NOT}
