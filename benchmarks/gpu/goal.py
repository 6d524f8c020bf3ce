"""What an audit of a CIFAR-shaped ResNet-18 takes: one pair and all 45, and what the host copies and waits for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from auditor.documents.plan import Plan
from auditor.documents.results import Measure, Results, RunFacts
from auditor.pipeline.run import run
from benchmarks.gpu.subjects import FILES, trained
from benchmarks.gpu.table import Bench, Row

GOAL = 120
"""Seconds for 45 pairs on an H100."""
EVENTS = {
    "Memcpy HtoD": "copies to the device",
    "Memcpy DtoH": "copies to the host",
    "cudaStreamSynchronize": "waits for a stream",
    "cudaDeviceSynchronize": "waits for the device",
    "cudaEventSynchronize": "waits for an event",
    "cudaLaunchKernel": "kernels",
}


def section(bench: Bench) -> Iterator[Row]:
    """TorchScript, which uses the GPU whatever ONNX Runtime's build, and ONNX."""
    folder = trained(bench)
    profile_name = "quick" if bench.small else "standard"
    for file in FILES:
        for pairs in ("0:1",) if bench.small else ("0:1", "all"):
            results, facts = _audit(bench, folder / file, pairs, profile_name)
            yield from _rows(bench, file, results, facts, profile_name)
    yield from _profiled(bench, folder)


def _audit(bench: Bench, file: Path, pairs: str, profile_name: str) -> tuple[Results, RunFacts]:
    # ONNX goes where its runtime can: a build for the CPU is seen in the row.
    device = "auto" if bench.on_gpu and file.suffix == ".onnx" else str(bench.device)
    model = {"path": str(file), "device": device, "trust_model": True}
    few = {"samples_per_class": 8} if bench.small else {}
    data = {"data": str(file.parent / "data.npz")}
    if bench.on_gpu:
        torch.cuda.reset_peak_memory_stats(bench.device)
    plan = Plan(model=model, data=data, pairs=pairs, profile=profile_name, report_pairs=0, **few)
    return run(plan, lambda stage, done, total, detail="": None)


def _rows(bench: Bench, file: str, results: Results, facts: RunFacts, profile_name: str) -> Iterator[Row]:
    ways = [way for pair in results.pairs for way in pair.directions]
    asked, got = (sum(getattr(way.generation, name) for way in ways) for name in ("requested", "boundary"))
    accuracy = results.performance.accuracy
    title = f"ResNet-18 ({file}), {len(results.pairs)} pairs, {profile_name}"
    goal = facts.duration_seconds <= GOAL if bench.on_gpu and len(results.pairs) == 45 else None
    yield Row(title, f"{facts.duration_seconds:.0f} s; {results.model.runtime}", goal)
    yield Row(f"{title}: evaluations", f"{results.cost.forward:,} forward, {results.cost.backward:,} backward")
    yield Row(f"{title}: boundary instances", f"{got} of {asked} sources")
    if isinstance(accuracy, Measure):
        yield Row(f"{title}: accuracy", f"{accuracy.value:.3f}")
    stages = sorted(facts.stages.items(), key=lambda stage: -stage[1])[:8]
    yield Row(f"{title}: stages", ", ".join(f"{name} {seconds:.1f} s" for name, seconds in stages))
    if bench.on_gpu:
        most = torch.cuda.max_memory_allocated(bench.device) / 1e9
        yield Row(f"{title}: most memory of torch", f"{most:.1f} GB")


def _profiled(bench: Bench, folder: Path) -> Iterator[Row]:
    """What torch's profiler counts in one pair at quick; on a CPU there is nothing to count."""
    if not bench.on_gpu:
        yield Row("copies and waits of one pair, quick", "no GPU to count them on; see the simulated counts")
        return
    begin = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        _audit(bench, folder / FILES[0], "0:1", "quick")
    took, counts = time.perf_counter() - begin, dict.fromkeys(EVENTS.values(), 0)
    for event in profiler.key_averages():
        for name, what in EVENTS.items():
            if event.key.startswith(name):
                counts[what] += event.count
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    yield Row("copies and waits of one pair, quick", f"{said}; {took:.0f} s under the profiler")
