"""A CIFAR-shaped ResNet-18 and ten classes of blurred patterns, made and trained on the spot: nothing is fetched."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.classifier import Classifier
from auditor.models.open import open_model
from benchmarks.gpu.table import Bench

CLASSES = 10
FILES = ("model.pt", "model.onnx")


def resnet18() -> nn.Module:
    """torchvision's ResNet-18 with the stem for small images: a 3x3 convolution of stride 1, no pooling."""
    network = torchvision.models.resnet18(num_classes=CLASSES)
    network.conv1, network.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    return network


def thin() -> nn.Module:
    """A network of the same interface that costs next to nothing."""
    layers = [nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, CLASSES))


def made(network: nn.Module, folder: Path, device: torch.device, size: int, per_class: int, epochs: int) -> Path:
    """Train a network on patterns of ``size`` x ``size`` and write ``model.pt``, ``model.onnx`` and ``data.npz``, once.

    Args:
        per_class: training samples of each class; a fifth as many for tests.
    Returns:
        the folder.
    """
    if (folder / "model.onnx").exists():
        return folder
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    pattern = F.interpolate(torch.rand(CLASSES, 3, 5, 5), size=size, mode="bilinear")
    (x, y), (x_test, y_test) = _split(pattern, per_class), _split(pattern, max(2, per_class // 5))
    np.savez(
        folder / "data.npz",
        x_train=x.numpy(), y_train=y.numpy(), x_test=x_test.numpy(), y_test=y_test.numpy(),
    )  # fmt: skip
    network.to(device).train()
    optimiser = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(128):
            optimiser.zero_grad()
            F.cross_entropy(network(x[rows].to(device)), y[rows].to(device)).backward()
            optimiser.step()
    network.cpu().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(network, x[:2]).save(str(folder / "model.pt"))
        names = {"input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}}
        torch.onnx.export(network, (x[:2],), str(folder / "model.onnx"), dynamo=False, **names)
    return folder


def trained(bench: Bench) -> Path:
    """The folder of the ResNet-18 that is audited, made where there is none yet."""
    size, per_class, epochs = (8, 60, 3) if bench.small else (32, 1000, 4)
    return made(resnet18(), bench.folder / "resnet18", bench.device, size, per_class, epochs)


def _split(pattern: Tensor, per_class: int) -> tuple[Tensor, Tensor]:
    """Patterns under smooth and rough noise: float32 ``(N, 3, size, size)`` in [0, 1] and their classes."""
    y = torch.arange(CLASSES * per_class) % CLASSES
    smooth = F.interpolate(torch.randn(len(y), 3, 8, 8), size=pattern.shape[2:], mode="bilinear")
    rough = torch.randn(len(y), *pattern.shape[1:])
    return (0.35 * pattern[y] + 0.3 + 0.16 * smooth + 0.05 * rough).clamp(0, 1), y


def opened(path: Path, samples: Tensor, device: str) -> Classifier:
    """A model file bound to samples on a device."""
    options = ModelOptions(device=device, trust_model=True)
    return bind(open_model(path, options), samples, options).classifier
