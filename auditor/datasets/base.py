"""What a data set is, and how a source of data is registered.

A source is one module: a function ``load(request) -> RawData`` under ``@data_source(name, summary)`` for a
known name, or under ``@path_source(name, summary, accepts)`` with a predicate for a kind of path.
``auditor.datasets.load`` finds the source, checks the raw data and adapts them to the model's input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from auditor.class_names import CarriedNames, numbered
from auditor.datasets.geometry import UNCHANGED, Geometry
from auditor.plugin_registry import Registry


@dataclass(frozen=True)
class Split:
    """Samples and labels of one split.

    Args:
        pixels: ``(N, *shape)``, uint8 in 0..255 or float32 in [0, 1].
        labels: int64 ``(N,)``, class indices in the model's order.
        files: of each sample its path below the data folder; empty where samples are no files.
    """

    pixels: Tensor
    labels: Tensor
    files: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, index: Tensor) -> Split:
        """The samples at these places (int64), with their labels and files."""
        files = tuple(self.files[i] for i in index.tolist()) if self.files else ()
        return Split(self.pixels[index], self.labels[index], files)

    def instances(self, index: Tensor | slice = slice(None)) -> Tensor:
        """Float32 pixels in [0, 1] of the chosen samples, ``(n, *shape)``."""
        chosen = self.pixels[index]
        return chosen.float() / 255 if chosen.dtype == torch.uint8 else chosen.float()

    def of_class(self, label: int) -> Tensor:
        """Indices (int64) of the samples of one class, in order."""
        return torch.nonzero(self.labels == label).flatten()


@dataclass(frozen=True)
class SkippedFile:
    """A file that could not be read, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """Train and test split in the shape that the model takes.

    Args:
        name: name as the user wrote it, or the last part of the path.
        class_names: one for each class, in the model's order.
        train, test: the splits; pixels are ``(N, C, H, W)`` or ``(N, D)``.
        image_shape: ``(C, H, W)`` in which an instance can be shown, None for vectors that are no image.
        fingerprint: sha256 over pixels and labels of both splits.
        skipped: files that could not be read.
        notes: how samples were split, resized or converted, in whole sentences for the report.
        prepared: how images were resized and cut, as the user said it; empty where they were only stretched.
        named: whether the data have names of their own, by which their labels were brought into the model's order.
        order_assumed: whether the classes are in text order because nothing says which is which.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    test: Split
    image_shape: tuple[int, int, int] | None
    fingerprint: str
    skipped: tuple[SkippedFile, ...] = ()
    notes: tuple[str, ...] = ()
    named: bool = False
    order_assumed: bool = False
    prepared: str = ""


@dataclass(frozen=True)
class DataRequest:
    """What the user asked for, and what the model needs.

    Args:
        data: known name or path.
        root: where downloaded data sets live.
        download: whether a known data set may be fetched.
        class_names: of the model's classes, in its order; they go before all other names.
        carried: names that the model carries.
        seed: of the train/test split where the data have none.
        max_skip: share of unreadable files that is tolerated.
        geometry: what becomes of the size of images.
    """

    data: str
    root: Path = Path(".cache/data")
    download: bool = True
    class_names: tuple[str, ...] | None = None
    carried: CarriedNames | None = None
    seed: int = 0
    max_skip: float = 0.01
    geometry: Geometry = UNCHANGED


@dataclass(frozen=True)
class RawData:
    """What a source returns: samples in their own shape, ``(N, C, H, W)`` or ``(N, D)``, not yet adapted.

    ``class_names`` is empty where the data have no names. ``by_name``: labels are no more than positions in
    ``class_names``, as with folders, so that only names tell which of the model's classes they are.
    """

    train: Split
    test: Split
    class_names: tuple[str, ...]
    skipped: tuple[SkippedFile, ...] = ()
    notes: tuple[str, ...] = field(default=())
    by_name: bool = False

    @property
    def named(self) -> bool:
        """Whether the labels have names that say more than numbers do."""
        return self.by_name or (bool(self.class_names) and not numbered(self.class_names))


@dataclass(frozen=True)
class DataSource:
    """A way to read data: ``accepts(request)`` says whether it is meant, ``load`` reads it.

    ``known_name`` tells a data set with a name of its own from a kind of path.
    """

    accepts: Callable[[DataRequest], bool]
    load: Callable[[DataRequest], RawData]
    summary: str
    known_name: bool = True


data_sources: Registry[DataSource] = Registry(
    "dataset",
    "auditor.datasets",
    fault=lambda source, _: None if callable(source.load) and callable(source.accepts) else "it loads nothing",
)


Loader = Callable[[DataRequest], RawData]


def data_source(name: str, summary: str) -> Callable[[Loader], Loader]:
    """Decorator that registers a loader for ``--data name``; ``summary`` is its line in ``list``."""

    def register(load: Loader) -> Loader:
        data_sources.register(name)(DataSource(lambda request: request.data == name, load, summary))
        return load

    return register


def path_source(name: str, summary: str, accepts: Callable[[Path], bool]) -> Callable[[Loader], Loader]:
    """Decorator that registers a loader for the paths that ``accepts`` recognises, such as ``Path.is_dir``."""

    def register(load: Loader) -> Loader:
        source = DataSource(
            lambda request: bool(request.data) and accepts(Path(request.data)), load, summary, known_name=False
        )
        data_sources.register(name)(source)
        return load

    return register
