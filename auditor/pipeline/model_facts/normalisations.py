"""What a poor accuracy may come from: pixels normalised otherwise than the model was trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from auditor.datasets.base import Split
from auditor.functional.statistics import evenly_spaced
from auditor.models.classifier import Classifier
from auditor.numbers.intervals import Interval, wilson

SAMPLES = 512
"""Test samples on which each alternative is tried."""


@dataclass(frozen=True)
class Normalisation:
    """A usual way to prepare pixels in [0, 1], as the options that ask for it; for images of ``channels``, if set."""

    name: str
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    channels: int | None = None

    @property
    def options(self) -> str:
        """The command line options that set it."""
        if self.mean is None or self.std is None:
            return "neither --mean nor --std"
        return f"--mean {_listed(self.mean)} --std {_listed(self.std)}"


KNOWN = (
    Normalisation("pixels as they are", None, None),
    Normalisation("centred to -1..1", (0.5,), (0.5,)),
    Normalisation("pixels in 0..255", (0.0,), (1 / 255,)),
    Normalisation("MNIST", (0.1307,), (0.3081,), 1),
    Normalisation("FashionMNIST", (0.286,), (0.353,), 1),
    Normalisation("ImageNet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 3),
    Normalisation("CIFAR-10", (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616), 3),
    Normalisation("CIFAR-100", (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762), 3),
)


def tried(classifier: Classifier, test: Split) -> list[tuple[Normalisation, Interval]]:
    """Accuracy under each normalisation that fits the model's channels, other than the one in use.

    Args:
        test: the test split; evenly spaced samples of it are used.
    Returns:
        from best to worst, with Wilson's interval.
    """
    rows = evenly_spaced(len(test), SAMPLES)
    x, labels = test.instances(rows), test.labels[rows]
    in_use = classifier.preprocessing
    channels = classifier.instance_shape[0] if len(classifier.instance_shape) == 3 else 1
    found = []
    for way in KNOWN:
        if way.channels in (None, channels) and (way.mean, way.std) != (in_use.mean, in_use.std):
            other = replace(classifier, preprocessing=replace(in_use, mean=way.mean, std=way.std))
            found.append((way, wilson(int((other.predict(x) == labels).sum()), len(rows))))
    return sorted(found, key=lambda item: -item[1].value)


def _listed(numbers: tuple[float, ...]) -> str:
    return ",".join(f"{number:.6g}" for number in numbers)
