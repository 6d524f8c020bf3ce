"""CPU milliseconds of passes through a ResNet-18 and of first layers: ``python -m benchmarks.gradient_passes``.

Prints the numbers of ``benchmarks/large_networks.md``: least of three runs, one thread, for each instance of a batch.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models import resnet18

from auditor.models.base import ModelOptions
from auditor.models.onnx.graph.windows import Windows
from auditor.models.onnx.operators.convolution import convolution
from auditor.models.open import open_model
from benchmarks.large_networks import cpu_seconds

LAYERS = ((3, 64, 7, 2, 3, 224), (3, 96, 4, 4, 0, 224))
"""Channels in and out, kernel, stride, padding and edge of first layers of networks."""


def milliseconds(run: Callable[[], object], batch: int) -> float:
    """Least of three runs."""
    run()
    times = []
    for _ in range(3):
        begin = cpu_seconds()
        run()
        times.append(cpu_seconds() - begin)
    return 1000 * min(times) / batch


def back(compute: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], object]:
    """A forward and a backward pass to the input."""

    def run() -> object:
        leaf = x.clone().requires_grad_()
        return torch.autograd.grad(compute(leaf)[:, 0].sum(), leaf)

    return run


def main() -> None:
    """Print both tables."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--batch", type=int, default=8)
    batch = asked.parse_args().batch
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "resnet18.onnx"
        sizes = ({0: torch.export.Dim("N")},)
        torch.onnx.export(
            resnet18(num_classes=4).eval(), (torch.zeros(2, 3, 224, 224),), file, dynamo=True, dynamic_shapes=sizes,
            external_data=False, verbose=False,
        )  # fmt: skip
        model = open_model(file, ModelOptions(threads=1))
    x = torch.rand(batch, 3, 224, 224)
    last = x.to(memory_format=torch.channels_last)
    with torch.no_grad():
        print(f"ONNX Runtime forward {milliseconds(lambda: model.scores(x), batch):.1f}")
        print(f"twin forward {milliseconds(lambda: model.logits(x), batch):.1f}")
    print(f"twin both {milliseconds(back(model.logits, x), batch):.1f}")
    print(f"twin both, channels last {milliseconds(back(model.logits, last), batch):.1f}")
    for into, out, kernel, stride, begin, edge in LAYERS:
        image, weight = torch.rand(batch, into, edge, edge).requires_grad_(), torch.randn(out, into, kernel, kernel)
        theirs = F.conv2d(image, weight, None, stride, begin)
        ours = convolution(image, weight, windows=Windows(strides=(stride, stride), pads=(begin,) * 4))
        above = torch.randn_like(theirs)
        for name, y in (("torch", theirs), ("ours", ours)):
            took = milliseconds(partial(torch.autograd.grad, y, image, above, retain_graph=True), batch)
            print(f"{into} to {out}, {kernel}x{kernel}, stride {stride}, way back, {name}: {took:.1f}")


if __name__ == "__main__":
    main()
