"""Comparisons with others: the published algorithm as a plain loop, and foolbox's attacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from auditor.models.base import ModelOptions
from auditor.models.open import open_model
from benchmarks.speed import reference
from benchmarks.speed.measure import audit, results_of
from benchmarks.speed.models import subject


def loop(folder: Path) -> Iterator[str]:
    """One pair of MNIST against the published algorithm, in one run."""
    torch.set_num_threads(1)
    of = subject("mnist_cnn", folder)
    with np.load(of.data) as saved:
        x, y = torch.from_numpy(saved["x_train"]).float() / 255, torch.from_numpy(saved["y_train"])
    f = open_model(of.model, ModelOptions(threads=1)).logits
    of_s, of_t = (x[y == label][:400].view(-1, 1, 28, 28) for label in (4, 9))
    out = folder / "out" / "loop"
    stages = reference.stages(f, of_s, of_t, (4, 9))
    taken = audit(of.model, of.data, "--pairs", "#4:#9", "--format", "json", out=out, threads=1)
    total = sum(stage.seconds for stage in stages)
    yield "| stage of the loop | measured on | CPU seconds, scaled |"
    yield "|---|---|---|"
    yield from (f"| {stage.name} | {stage.part} | {stage.seconds:.0f} |" for stage in stages)
    yield f"| together | | {total:.0f} |"
    yield ""
    yield f"An audit of the same pair, RPBS, EPBS, the attack and every characteristic included: {taken.cpu:.1f} CPU"
    yield f"seconds from the command's start to its end, **{total / taken.cpu:.0f} times less**."
    yield ""
    yield "| direction | boundary / sources | median L2 (authors: 3.2) | NN ratio | IDC | half-width |"
    yield "|---|---|---|---|---|---|"
    for d in results_of(out)["pairs"][0]["directions"]:
        c, g = d["characteristics"], d["generation"]
        idc = c["idc"]
        yield (
            f"| {d['source']} to {d['target']} | {g['boundary']} / {g['requested']} | {c['margin_l2']['value']:.2f} "
            f"| {c['diversity']['value']:.2f} | {idc['value']:.4f} | {(idc['ci_high'] - idc['ci_low']) / 2:.4f} |"
        )


def attacks(folder: Path) -> Iterator[str]:
    """The minimal-norm attack beside foolbox's DeepFool and DDN: distance for CPU time."""
    from benchmarks.speed.against_foolbox import rows

    yield "| attack, 4 to 9 and 9 to 4 | found | median L2 | CPU ms a sample |"
    yield "|---|---|---|---|"
    yield from rows(subject("mnist_cnn", folder))


COMPARISONS: dict[str, Callable[[Path], Iterator[str]]] = {"loop": loop, "attacks": attacks}
