"""MNIST, FashionMNIST, CIFAR-10 and CIFAR-100 by torchvision, downloaded once into ``--data-root``.

The files of MNIST and FashionMNIST may also lie in ``--data-root`` itself or in a folder of a usual name, plain or as
``.gz``, as other libraries and distributions leave them there.
"""

from __future__ import annotations

import pickle
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auditor.datasets.base import DataRequest, RawData, Split, data_source
from auditor.datasets.idx import idx_file, read_idx
from auditor.errors import InputRefused

SECONDS_OF_SILENCE = 60.0
"""A download that sends nothing for so long has failed; torchvision itself would wait for ever."""

# What torchvision raises for files that are missing or damaged, and for a download that fails.
_FAILURES = (
    AssertionError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)


@dataclass(frozen=True)
class _Set:
    """One of torchvision's data sets.

    Args:
        torchvision_name: its class in ``torchvision.datasets``.
        folder: where its files lie under the data root.
        files: what lies there, for a message.
        class_names: instead of those that come with it.
        folders: where else files of the idx format may lie, under the data root.
    """

    torchvision_name: str
    folder: str
    files: str
    class_names: tuple[str, ...] | None = None
    folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Arrays:
    """A split as torchvision's objects hold it: uint8 ``(N, H, W)``, labels ``(N,)``, names."""

    data: Tensor
    targets: Tensor
    classes: Sequence[str]


_IDX = "the four files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images..., t10k-labels... (or .gz)"
_MNIST = ("MNIST/raw", "MNIST", "mnist/raw", "mnist", "")
_FASHION = ("FashionMNIST/raw", "FashionMNIST", "fashion-mnist/data/fashion", "fashion-mnist", "fashion_mnist",
            "fashionmnist", "data/fashion", "")  # fmt: skip
"""Folders of torchvision, of the sets' own repositories, of Keras, Debian and people; the data root itself last."""
_PARTS = ("images-idx3-ubyte", "labels-idx1-ubyte")
_DIGITS = tuple(str(digit) for digit in range(10))


@data_source("mnist", "70,000 handwritten digits of 28x28 pixels, by torchvision (12 MB download)")
def load_mnist(request: DataRequest) -> RawData:
    """Both splits as uint8 ``(N, 1, 28, 28)``."""
    return _load(_Set("MNIST", "MNIST/raw", _IDX, _DIGITS, _MNIST), request)


@data_source("fashionmnist", "70,000 pictures of clothes of 28x28 pixels, by torchvision (31 MB download)")
def load_fashionmnist(request: DataRequest) -> RawData:
    """Both splits as uint8 ``(N, 1, 28, 28)``."""
    return _load(_Set("FashionMNIST", "FashionMNIST/raw", _IDX, folders=_FASHION), request)


@data_source("cifar10", "60,000 colour photographs of 32x32 pixels in 10 classes, by torchvision (170 MB download)")
def load_cifar10(request: DataRequest) -> RawData:
    """Both splits as uint8 ``(N, 3, 32, 32)``."""
    return _load(_Set("CIFAR10", "cifar-10-batches-py", "the files of cifar-10-python.tar.gz"), request)


@data_source("cifar100", "60,000 colour photographs of 32x32 pixels in 100 classes, by torchvision (169 MB download)")
def load_cifar100(request: DataRequest) -> RawData:
    """Both splits as uint8 ``(N, 3, 32, 32)``."""
    return _load(_Set("CIFAR100", "cifar-100-python", "the files of cifar-100-python.tar.gz"), request)


def _load(known: _Set, request: DataRequest) -> RawData:
    train, test = (_read(known, request, train=train) for train in (True, False))
    return RawData(_split(train), _split(test), known.class_names or tuple(train.classes))


def _read(known: _Set, request: DataRequest, *, train: bool) -> Any:
    """Torchvision's own data set object; a download happens only if it may and the files cannot be read."""
    from torchvision import datasets  # slow to import

    kind, failure = getattr(datasets, known.torchvision_name), None
    for download in (False, True) if request.download else (False,):
        try:
            if not download and (folder := _idx_folder(known, request.root)) is not None:
                return _from_idx(folder, "train" if train else "t10k", kind.classes)
            with _patience(SECONDS_OF_SILENCE), warnings.catch_warnings():
                # NumPy deprecates a flag in the pickles that CIFAR has been made of since 2009.
                warnings.simplefilter("ignore")
                return kind(str(request.root), train=train, download=download)
        except _FAILURES as err:
            failure = err
    place = request.root / known.folder
    raise InputRefused(
        f"the data set {request.data} in {place}",
        f"a download that failed ({failure})" if request.download else "its files missing or damaged",
        f"put {known.files} there" + ("" if request.download else ", or allow --download"),
    ) from failure


def _idx_folder(known: _Set, root: Path) -> Path | None:
    """The first folder with all four files; None where there is none."""
    for name in known.folders:
        if all(idx_file(root / name, f"{split}-{what}") for split in ("train", "t10k") for what in _PARTS):
            return root / name
    return None


def _from_idx(folder: Path, split: str, classes: Sequence[str]) -> _Arrays:
    pixels, labels = (read_idx(path) for what in _PARTS if (path := idx_file(folder, f"{split}-{what}")))
    if pixels.dim() != 3 or labels.dim() != 1 or len(pixels) != len(labels):
        found = f"{tuple(pixels.shape)} and {tuple(labels.shape)}"
        raise ValueError(f"expected images and as many labels; found arrays of {found} in {folder}")
    return _Arrays(pixels, labels, classes)


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _split(read: Any) -> Split:
    pixels = torch.as_tensor(read.data)
    # MNIST is (N, H, W), CIFAR is (N, H, W, C).
    pixels = pixels.unsqueeze(1) if pixels.dim() == 3 else pixels.permute(0, 3, 1, 2).contiguous()
    return Split(pixels, torch.as_tensor(read.targets).long())
