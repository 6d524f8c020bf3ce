"""What one evaluation of a model costs in batches of each size: ``python -m benchmarks.speed.passes NAME ...``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from auditor.models.base import ModelOptions
from auditor.models.open import open_model
from benchmarks.speed.models import CACHE, Subject, subject

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
LARGEST = 2**23
"""Pixels of a batch."""
LEAST = 0.3
"""CPU seconds over which a batch is repeated; the fastest call counts."""


@dataclass(frozen=True)
class Passes:
    """CPU milliseconds for an instance in a batch of ``size``: forward by the runtime, both by the gradients' route."""

    size: int
    forward: float
    both: float


def passes_of(of: Subject, sizes: tuple[int, ...] = SIZES) -> Iterator[Passes]:
    """Measure on one thread."""
    torch.set_num_threads(1)
    backend = open_model(of.model, ModelOptions(threads=1))
    shape = tuple(edge for edge in backend.input.shape or () if edge is not None)
    for size in sizes:
        x = torch.rand(size, *shape, generator=torch.Generator().manual_seed(0))
        if x.numel() > LARGEST:
            return

        def gradient(x: torch.Tensor = x) -> None:
            leaf = x.clone().requires_grad_(True)
            torch.autograd.grad(backend.logits(leaf)[:, 0].sum(), leaf)

        yield Passes(size, _fastest(lambda x=x: backend.scores(x)) / size, _fastest(gradient) / size)


def _fastest(call: Callable[[], object]) -> float:
    """CPU milliseconds of the fastest of some calls."""
    call()
    times, begin = list[float](), time.process_time()
    while len(times) < 3 or time.process_time() - begin < LEAST:
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def main() -> None:
    """Print a table for each model."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.passes", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--models", type=Path, default=CACHE, metavar="FOLDER")
    arguments = parser.parse_args()
    for name in arguments.names:
        print(f"{name}\n| batch | ms forward | ms both | both / forward |\n|---|---|---|---|")
        for at in passes_of(subject(name, arguments.models)):
            print(f"| {at.size} | {at.forward:.3f} | {at.both:.3f} | {at.both / at.forward:.1f} |", flush=True)


if __name__ == "__main__":
    main()
