"""Audits through the command, as a user runs it: which device they used, and whether they agree with the CPU's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import onnxruntime

from auditor.documents.results import Measure, Results, from_json
from benchmarks.gpu.table import Bench, Row

ROOT = Path(__file__).parents[2]
FILES = ("digits_cnn.onnx", "digits_cnn.pt")
MOST_APART, LEAST_MADE = 0.02, 0.97
"""Share of measures that may lie outside of both intervals together, and of the CPU's instances that must be made."""


def audited(bench: Bench, file: str, device: str) -> tuple[Results | None, float, str]:
    """The results of the command, its seconds, and what it said where it failed."""
    folder = bench.folder / f"{file}-{device.replace(':', '')}"
    pairs = "3:8" if bench.small else "3:8,4:9,1:7,0:6,2:5"
    command = [sys.executable, "-m", "auditor", str(ROOT / "sample_models" / file), "--data", "digits"]
    command += ["--profile", "quick", "--pairs", pairs, "--device", device, "--format", "json", "--out", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    begin = time.perf_counter()
    done = subprocess.run(
        [*command, "--trust-model"],
        cwd=bench.folder, env=environment, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    took, document = time.perf_counter() - begin, folder / "results.json"
    if done.returncode not in (0, 1) or not document.exists():
        return None, took, done.stderr.strip()[-200:].replace("\n", " ")
    return from_json(document.read_text("utf-8")), took, ""


def section(bench: Bench) -> Iterator[Row]:
    """Both formats; TorchScript uses the GPU where ONNX Runtime is a build for the CPU."""
    for file in FILES:
        usual, usual_seconds, said = audited(bench, file, "cpu")
        if usual is None:
            yield Row(f"audit of {file} on the CPU", said, False)
            continue
        # An ONNX file goes where its runtime can: that a GPU is not used is told, and seen in the row.
        device = str(bench.device) if file.endswith(".pt") or not bench.on_gpu else "auto"
        there, seconds, said = audited(bench, file, device)
        title = f"audit of {file} in the sandbox, --device {device}"
        if there is None:
            yield Row(title, said, False)
            continue
        used = there.settings.device.startswith(bench.device.type) and _runtime_is_there(bench, there)
        yield Row(title, f"{seconds:.0f} s, on the CPU {usual_seconds:.0f} s; {there.model.runtime}", used)
        yield Row(f"{title}: against the CPU", *compared(usual, there))


def _runtime_is_there(bench: Bench, results: Results) -> bool:
    """Whether the artefact itself computed on the device, where ONNX Runtime is a build that can."""
    can = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    return not bench.on_gpu or not can or "CPUExecutionProvider" not in results.model.runtime


def compared(usual: Results, other: Results) -> tuple[str, bool]:
    """How far two audits differ, and whether that is within what sampling leaves open."""
    measures = apart = 0
    for a, b in zip(usual.pairs, other.pairs, strict=True):
        for forth, back in zip(a.directions, b.directions, strict=True):
            for name, one in forth.characteristics.items():
                two = back.characteristics[name]
                if isinstance(one, Measure) and isinstance(two, Measure):
                    measures += 1
                    apart += abs(one.value - two.value) > (_width(one) + _width(two)) / 2 + 1e-6
    made = [sum(way.generation.boundary for pair in r.pairs for way in pair.directions) for r in (usual, other)]
    good = apart <= MOST_APART * max(measures, 1) and made[1] > LEAST_MADE * made[0]
    return f"{apart} of {measures} measures apart; {made[1]} boundary instances, {made[0]} on the CPU", good


def _width(measure: Measure) -> float:
    """Of its interval; of one with an open end twice the known side."""
    low, high = measure.ci_low, measure.ci_high
    if low is None or high is None:
        return 0.2 * abs(measure.value) if low is None and high is None else 2 * abs((low or high or 0) - measure.value)
    return high - low
