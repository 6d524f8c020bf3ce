"""Small networks as torch.export archives, which need the user's trust."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.model_matrix.case import Built, Case
from benchmarks.model_matrix.exports import quiet, to_torchscript
from benchmarks.model_matrix.reference import INSTANCES, noise, of_module
from benchmarks.model_matrix.small_nets import IMAGE, VECTOR, cnn, dense


def cases() -> list[Case]:
    """Both networks, with any batch and a fixed one, and the small networks as TorchScript."""
    made = [Case(f"pt2/{name}/{batch}", partial(_archive, name, batch), options={"trust_model": True})
            for name in ("cnn", "dense") for batch in ("any-batch", "batch-1", "batch-4")]  # fmt: skip
    made.append(
        Case("pt2/without-trust", partial(_archive, "cnn", "any-batch"), expect="refused", says="--trust-model")
    )
    scripts = [Case(f"torchscript/{name}/{how}", partial(_script, name, how))
               for name in ("cnn", "dense") for how in ("scripted", "traced", "frozen")]  # fmt: skip
    return made + scripts


def _archive(name: str, batch: str, folder: Path) -> Built:
    net, shape = (cnn(), IMAGE) if name == "cnn" else (dense(), VECTOR)
    shapes: Any = ({0: torch.export.Dim("n")},) if batch == "any-batch" else None
    size = 2 if shapes else int(batch[-1])
    with quiet():
        program = torch.export.export(net, (noise(size, *shape),), dynamic_shapes=shapes)
        torch.export.save(program, folder / "model.pt2")
    return folder / "model.pt2", of_module(net, noise(INSTANCES, *shape))


def _script(name: str, how: str, folder: Path) -> Built:
    net, shape = (cnn(), IMAGE) if name == "cnn" else (dense(), VECTOR)
    return to_torchscript(net, shape, folder / "model.pt", how), of_module(net, noise(INSTANCES, *shape))
