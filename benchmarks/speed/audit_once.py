"""One audit in a process of its own, measured from inside: ``measured(model, data, ...)``.

CPU seconds, seconds and evaluations are those of the audit alone: importing torch and the rest comes before. Peak
memory is that of the whole process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cost:
    """What one audit took.

    Args:
        cpu, wall: seconds, imports apart.
        process_cpu: CPU seconds of the whole process, imports included.
        peak_mb: most memory held.
        results_mb: size of the results document in memory-independent form, as JSON.
        forward, backward: evaluations of the model.
        t_forward, t_both: seconds of one evaluation at the best batch size.
        results: the document itself.
    """

    cpu: float
    wall: float
    process_cpu: float
    peak_mb: float
    results_mb: float
    forward: int
    backward: int
    t_forward: float
    t_both: float
    results: dict

    @property
    def overhead(self) -> float:
        """Wall time over the time that the model's own passes need at the best batch size."""
        return self.wall / ((self.forward - self.backward) * self.t_forward + self.backward * self.t_both)


def measured(model: Path, data: str, *, threads: int = 1, **plan: object) -> Cost:
    """Audit once; ``plan`` holds fields of ``auditor.documents.plan.Plan``."""
    job = {"model": str(model), "data": data, "plan": plan}
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.audit_once"],
        input=json.dumps(job), capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"the audit of {model.name} failed:\n{done.stderr[-2000:]}")
    return Cost(**json.loads(done.stdout))


def _passes(classifier) -> tuple[float, float]:
    """Seconds of a forward pass by the artefact and of a forward and backward pass, at the best of some batch sizes."""
    import torch

    def best(call, size: int) -> float:
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            call()
            times.append(time.perf_counter() - begin)
        return min(times) / size

    forward, both = [], []
    for size in (16, 32, 64, 128, 256, 512):
        x = torch.rand(size, *classifier.instance_shape, generator=torch.Generator().manual_seed(0))
        if size * x[0].numel() > 2**23:
            break

        def gradient(x=x) -> None:
            leaf = x.clone().requires_grad_(True)
            torch.autograd.grad(classifier.logits(leaf)[:, 0].sum(), leaf)

        forward.append(best(lambda x=x: classifier.backend.scores(classifier.preprocessing(x)), size))
        both.append(best(gradient, size))
    return min(forward), min(both)


def _main() -> None:
    job = json.loads(sys.stdin.read())
    import auditor.models.exported.opening
    import auditor.models.onnx.opening
    import auditor.models.torchscript.opening  # noqa: F401
    from auditor.boundary.base import generators
    from auditor.characteristics.base import characteristics
    from auditor.documents.plan import DataPlan, ModelPlan, Plan
    from auditor.documents.results import to_json
    from auditor.pipeline import run as auditing

    generators.names(), characteristics.names()
    kept = {}
    opened = auditing.open_subject

    def keep(*arguments):
        kept["subject"] = opened(*arguments)
        return kept["subject"]

    auditing.open_subject = keep
    plan = Plan(model=ModelPlan(path=job["model"]), data=DataPlan(data=job["data"]), **job["plan"])
    cpu, wall = time.process_time(), time.perf_counter()
    results, _ = auditing.run(plan, lambda stage, done, total, detail="": None)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    process = time.process_time()
    t_forward, t_both = _passes(kept["subject"].classifier)
    text = to_json(results)
    print(json.dumps({
        "cpu": cpu, "wall": wall, "process_cpu": process, "peak_mb": peak, "results_mb": len(text) / 1e6,
        "forward": results.cost.forward, "backward": results.cost.backward,
        "t_forward": t_forward, "t_both": t_both, "results": json.loads(text),
    }))  # fmt: skip


if __name__ == "__main__":
    _main()
