"""On a machine without a driver, ONNX Runtime's CUDA provider lacks the driver's library and nothing else."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from auditor.models.onnx import cuda_provider

linux = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="the GPU build is for Linux on x86-64"
)
DRIVER = "libcuda.so.1"
LOAD_EACH = """
import ctypes, json, sys
import torch
from auditor.models.onnx.cuda_provider import preload
preload()
missing = {}
for name in sys.argv[1:]:
    try:
        ctypes.CDLL(name)
    except OSError as err:
        missing[name] = str(err)
print(json.dumps(missing))
"""


@linux
def test_nothing_is_missing_but_the_driver():
    """Each library that it names is loaded with all that it needs in turn; cuDNN it loads only when it computes."""
    listed = subprocess.run(["ldd", cuda_provider.PROVIDER_LIBRARY], check=True, capture_output=True, text=True).stdout
    names = re.findall(r"^\s*(lib\S+\.so[.\d]*) =>", listed, re.MULTILINE)
    assert {"libcublasLt.so.13", "libcurand.so.10", DRIVER} <= set(names)
    command = [sys.executable, "-c", LOAD_EACH, *names, "libcudnn.so.9"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)})
    assert set(json.loads(done.stdout)) <= {DRIVER}
    assert done.stderr == ""


@linux
@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_the_loader_says_what_is_missing():
    cuda_provider.preload()
    assert f"does not load: {DRIVER}: cannot open shared object file" in cuda_provider.why_not_loaded()


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package that brings the module onnxruntime, as pip leaves its record."""
    record = tmp_path / "onnxruntime-1.32.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime\nVersion: 1.32.0\n")
    (record / "RECORD").write_text("onnxruntime/__init__.py,,\n")
    monkeypatch.syspath_prepend(tmp_path)


@linux
def test_one_package_brings_the_runtime():
    assert cuda_provider.installed_builds() == ["onnxruntime-gpu"]


@linux
@pytest.mark.usefixtures("beside")
def test_two_packages_that_bring_the_runtime_are_named_where_cuda_is_missing(monkeypatch: pytest.MonkeyPatch):
    """What a file of the other build says, whose place is that of this one's."""
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    reason = cuda_provider.why_not_loaded()
    assert "the packages onnxruntime and onnxruntime-gpu are installed" in reason
    assert reason.endswith("uninstall all of them, then install onnxruntime-gpu alone")
