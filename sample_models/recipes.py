"""What each sample model is: its network, its data and how it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from sample_models import architectures


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; ``repr`` is recorded beside the model.

    Args:
        epochs: passes over the training split.
        learning_rate: of Adam; the peak of a one-cycle schedule, the start of the authors' schedule.
        schedule: ``one-cycle`` (arXiv 1708.07120), or ``authors``: times 0.99 every 100 steps.
        batch_size: instances for each step.
    """

    epochs: int
    learning_rate: float
    schedule: Literal["one-cycle", "authors"]
    batch_size: int = 64


@dataclass(frozen=True)
class SampleModel:
    """One sample model.

    Args:
        network: builds the untrained network.
        data: known data set that it is trained on unless told otherwise.
        input_shape: shape of one instance as the network takes it.
        recipe: how it is trained.
    """

    network: Callable[[], nn.Module]
    data: str
    input_shape: tuple[int, ...]
    recipe: Recipe


_DIGITS = Recipe(epochs=40, learning_rate=0.003, schedule="one-cycle")
# The authors step by 64 through batches of 100, so that a third of each batch is seen twice; here a batch is 64.
_AUTHORS_GREY = Recipe(epochs=40, learning_rate=0.01, schedule="authors")
_AUTHORS_COLOUR = Recipe(epochs=10, learning_rate=0.01, schedule="authors")

SAMPLE_MODELS = {
    "digits_cnn": SampleModel(architectures.DigitsCnn, "digits", (1, 8, 8), _DIGITS),
    "digits_fcn": SampleModel(architectures.DigitsFcn, "digits", (64,), _DIGITS),
    "mnist_cnn": SampleModel(architectures.AuthorsCnn, "mnist", (1, 28, 28), _AUTHORS_GREY),
    "mnist_fcn": SampleModel(architectures.AuthorsFcn, "mnist", (1, 28, 28), _AUTHORS_GREY),
    "fashionmnist_cnn": SampleModel(architectures.AuthorsCnn, "fashionmnist", (1, 28, 28), _AUTHORS_GREY),
    "fashionmnist_fcn": SampleModel(architectures.AuthorsFcn, "fashionmnist", (1, 28, 28), _AUTHORS_GREY),
    "cifar10_resnet": SampleModel(architectures.AuthorsResNet, "cifar10", (3, 32, 32), _AUTHORS_COLOUR),
    "cifar10_googlenet": SampleModel(architectures.AuthorsGoogLeNet, "cifar10", (3, 32, 32), _AUTHORS_COLOUR),
}
