"""The DeepDIG authors' networks and the sample models, by both exporters and as TorchScript."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from torch import nn

from benchmarks.model_matrix.case import Built, Case
from benchmarks.model_matrix.exports import Exporter, telling, to_onnx, to_torchscript
from benchmarks.model_matrix.reference import INSTANCES, noise, of_module
from sample_models.architectures import (
    AuthorsCnn,
    AuthorsFcn,
    AuthorsGoogLeNet,
    AuthorsResNet,
    DigitsCnn,
    DigitsFcn,
)

NETS: dict[str, tuple[type[nn.Module], tuple[int, ...]]] = {
    "digits_cnn": (DigitsCnn, (1, 8, 8)),
    "digits_fcn": (DigitsFcn, (64,)),
    "authors_cnn": (AuthorsCnn, (1, 28, 28)),
    "authors_fcn": (AuthorsFcn, (1, 28, 28)),
    "authors_resnet": (AuthorsResNet, (3, 32, 32)),
    "authors_googlenet": (AuthorsGoogLeNet, (3, 32, 32)),
}
ONNX: tuple[tuple[str, Exporter, int], ...] = (
    ("digits_cnn", "tracer", 9), ("digits_cnn", "dynamo", 18), ("digits_fcn", "tracer", 13),
    ("digits_fcn", "dynamo", 23), ("authors_cnn", "tracer", 11), ("authors_cnn", "dynamo", 18),
    ("authors_fcn", "tracer", 17), ("authors_fcn", "dynamo", 20), ("authors_resnet", "tracer", 17),
    ("authors_googlenet", "dynamo", 18),
)  # fmt: skip
SCRIPTS = (
    ("digits_cnn", "scripted"), ("digits_cnn", "frozen"), ("digits_fcn", "traced"), ("authors_cnn", "traced"),
    ("authors_fcn", "scripted"), ("authors_googlenet", "traced"),
)  # fmt: skip


def cases() -> list[Case]:
    """One case for each network and export."""
    made = [Case(f"samples/{name}/{how}-{opset}", partial(_onnx, name, how, opset)) for name, how, opset in ONNX]
    return [*made, *(Case(f"samples/{name}/{how}", partial(_script, name, how)) for name, how in SCRIPTS)]


def network(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    """A network with telling weights and the shape of its instances."""
    kind, shape = NETS[name]
    return telling(kind(), noise(16, *shape, seed=1)), shape


def _onnx(name: str, exporter: Exporter, opset: int, folder: Path) -> Built:
    net, shape = network(name)
    path = to_onnx(net, shape, folder / "model.onnx", exporter, opset)
    return path, of_module(net, noise(INSTANCES, *shape))


def _script(name: str, how: str, folder: Path) -> Built:
    net, shape = network(name)
    return to_torchscript(net, shape, folder / "model.pt", how), of_module(net, noise(INSTANCES, *shape))
