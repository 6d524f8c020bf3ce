"""Torch modules with telling weights, and the files that the exporters make of them."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from benchmarks.model_matrix.reference import noise

Exporter = Literal["tracer", "dynamo"]


def telling(net: nn.Module, x: Tensor, seed: int = 0) -> nn.Module:
    """The module in evaluation mode with weights under which every part of it shows in the output.

    Parameters that start as a constant (scales of 0, 1 or 1e-6, biases of 0) become random, and statistics of batch
    normalisation are those of ``x``, disturbed.
    """
    generator = torch.Generator().manual_seed(seed)
    net.eval()
    with torch.no_grad(), quiet():
        for name, value in net.named_parameters():
            if float(value.max() - value.min()) == 0:
                bias = name.endswith(("bias", "beta"))
                random = torch.rand(value.shape, generator=generator)
                value.copy_(0.2 * (random - 0.5) if bias else 0.5 + random)
        batch_norms = [part for part in net.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
        for norm in batch_norms:
            norm.train()
            norm.momentum = None
            norm.reset_running_stats()
        net(x)
        net.eval()
        for norm in batch_norms:
            if norm.running_mean is None or norm.running_var is None:
                continue
            spread = norm.running_var.sqrt()
            norm.running_mean += 0.2 * spread * torch.randn(spread.shape, generator=generator)
            norm.running_var.mul_(0.7 + torch.rand(spread.shape, generator=generator)).add_(1e-3)
    return net


def to_onnx(
    net: nn.Module, shape: tuple[int, ...], path: Path, exporter: Exporter, opset: int, batch: int | None = None
) -> Path:
    """Write an ONNX file.

    Args:
        net: in evaluation mode.
        shape: of one instance.
        path: where to write; ``dynamo`` puts the weights beside it.
        exporter: ``torch.onnx.export`` with ``dynamo=False`` or ``dynamo=True``.
        opset: operator set to write.
        batch: fixed batch size; None for any.
    """
    x = noise(batch or 2, *shape)
    with quiet():
        if exporter == "dynamo":
            shapes: Any = None if batch else ({0: torch.export.Dim("n")},)
            torch.onnx.export(
                net, (x,), str(path), dynamo=True, opset_version=opset, dynamic_shapes=shapes, external_data=True,
                verbose=False,
            )  # fmt: skip
        else:
            axes = None if batch else {"input": {0: "n"}, "output": {0: "n"}}
            torch.onnx.export(
                net, (x,), str(path), dynamo=False, opset_version=opset, dynamic_axes=axes, input_names=["input"],
                output_names=["output"],
            )  # fmt: skip
    return path


def to_torchscript(net: nn.Module, shape: tuple[int, ...], path: Path, how: str) -> Path:
    """Write a TorchScript file: ``scripted``, ``traced``, or ``frozen`` (scripted, then frozen)."""
    with quiet():
        made: Any = (
            torch.jit.trace(net, noise(2, *shape), check_trace=False) if how == "traced" else torch.jit.script(net)
        )
        if how == "frozen":
            made = torch.jit.freeze(made)
        made.save(str(path))
    return path


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the exporters' advice."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
