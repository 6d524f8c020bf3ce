"""Whether the device gives the CPU's numbers: logits, gradients, scores; single instances against batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from auditor.models.classifier import Classifier
from benchmarks.gpu.subjects import made, opened, thin
from benchmarks.gpu.table import Bench, Row, set_tf32

SAMPLES = Path(__file__).parents[2] / "sample_models"
SHAPES = {"digits_cnn.pt": (1, 8, 8), "digits_cnn.onnx": (1, 8, 8), "digits_fcn.pt": (64,)}
FAR = 2e-5
"""Of logits, as a share of the largest: float32 on another device differs by about 5e-7, TF32 by 3e-4."""
HALF_BETA = 5e-5
"""A boundary instance is right to 1e-4 of a probability, so a probability may move by half of that."""


def section(bench: Bench) -> Iterator[Row]:
    """The sample models, which are scripted, and a traced one, with TF32 and without."""
    traced = traced_models(bench.folder)
    models = {SAMPLES / name: shape for name, shape in SHAPES.items()}
    models |= dict.fromkeys((traced / "model.pt", traced / "model.onnx"), (3, 8, 8))
    for path, shape in models.items():
        name = path.name.replace("model", "traced")
        x = torch.rand(256, *shape, generator=torch.Generator().manual_seed(0))
        on_cpu = answers(opened(path, x, "cpu"), x)
        device = str(bench.device) if name.endswith(".pt") else "auto" if bench.on_gpu else "cpu"
        for tf32 in (True, False):
            there = opened(path, x, device)  # anew: it would notice that it answers otherwise than before
            set_tf32(tf32)
            both = zip(on_cpu, answers(there, x), strict=True)
            logits, gradient, p = (_apart(a, b) / float(a.abs().max()) for a, b in both)
            title = f"{name}, TF32 {'on' if tf32 else 'off'}"
            said = f"logits {logits:.1e}, gradient {gradient:.1e}, probabilities {p:.1e}"
            yield Row(f"{title}: difference to the CPU, of the largest", said, None if tf32 else logits < FAR)
            if not tf32:  # with it, one by one differs from a batch by more than the audit takes for the same answer
                single = torch.cat([there.probabilities(x[i : i + 1]).cpu() for i in range(64)])
                apart = _apart(single, there.probabilities(x)[:64].cpu())
                yield Row(f"{name}: one by one against a batch", f"{apart:.1e}", apart < HALF_BETA)
        yield Row(f"{name} runs in", there.backend.runtime)
        if name.endswith(".onnx") and "CUDA" in there.backend.runtime and there.backend.device.type == "cuda":
            yield _behind_a_busy_stream(bench, there)


def traced_models(folder: Path) -> Path:
    """A folder with a network of convolutions as tracing writes it."""
    return made(thin(), folder / "traced", torch.device("cpu"), 8, 60, 3)


def answers(f: Classifier, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits and their gradient by the gradient route, probabilities by the artefact, all on the CPU."""
    leaf = x.to(f.device).requires_grad_()
    z = f.logits(leaf)
    (gradient,) = torch.autograd.grad(z.square().sum(), leaf)
    return z.detach().cpu(), gradient.cpu(), f.probabilities(x).cpu()


def _apart(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max())


def _behind_a_busy_stream(bench: Bench, f: Classifier) -> Row:
    """ONNX Runtime reads memory that torch has not filled yet, unless it waits: that would be a wrong answer."""
    wrong, rounds, width = 0, *((10, 64) if bench.small else (200, 4096))
    heavy = torch.rand(width, width).to(bench.device)
    for _ in range(rounds):
        junk = heavy @ heavy
        x = torch.rand(256, *f.instance_shape).to(bench.device) + 0 * junk[0, 0]
        wrong += not torch.allclose(f.scores(x).cpu(), f.scores(x.cpu().clone()).cpu(), atol=1e-4)
    return Row(f"IO binding behind a busy stream: wrong of {rounds}", str(wrong), wrong == 0)
