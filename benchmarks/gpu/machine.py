"""What the machine has, and what of it each part of the worker's sandbox leaves usable."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gpu.table import Bench, Row, card, versions

ROOT = Path(__file__).parents[2]
WAYS = {"none": (), "Landlock": ("landlock",), "seccomp": ("seccomp",), "both": ("landlock", "seccomp")}
PROBE = """
import ctypes, sys, tempfile
from pathlib import Path
from auditor.documents.plan import Plan
from auditor.worker.sandbox import landlock, seccomp
from auditor.worker.sandbox.places import places
if "landlock" in sys.argv:
    if not landlock.abi(): sys.exit("no Landlock")
    plan = Plan(model={"path": "sample_models/digits_cnn.onnx"}, data={"data": "digits"})
    landlock.restrict([*places(plan, Path(tempfile.gettempdir())), (Path.cwd(), landlock.READ)])
if "seccomp" in sys.argv:
    if not seccomp.available(): sys.exit("no seccomp")
    seccomp.restrict(cuda=True)
try: print("cuInit", ctypes.CDLL("libcuda.so.1").cuInit(0))
except OSError: print("no driver")
import torch
print("torch has a device" if torch.cuda.is_available() else "torch has no device")
if torch.cuda.is_available():
    x, w = torch.rand(64, 3, 8, 8, device="cuda"), torch.rand(4, 3, 3, 3, device="cuda")
    print("a convolution gives", "numbers" if float(torch.nn.functional.conv2d(x, w).sum()) > 0 else "nothing")
"""


def section(bench: Bench) -> Iterator[Row]:
    """Versions, and the driver called in a process that is closed in as the worker is."""
    yield Row("device", card(bench.device))
    yield Row("versions", versions())
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name, parts in WAYS.items():
        try:
            done = subprocess.run(
                [sys.executable, "-c", PROBE, *parts],
                cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            said = ", ".join(done.stdout.splitlines()) or done.stderr.strip()[-80:]
        except subprocess.TimeoutExpired:
            said = "no answer in 120 s"
        good = "gives numbers" in said if bench.on_gpu and not said.startswith("no ") else None
        yield Row(f"CUDA in the sandbox: {name}", said, good)
