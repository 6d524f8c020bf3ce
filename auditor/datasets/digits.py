"""``digits``: the 1,797 real handwritten digits of 8x8 pixels that scikit-learn ships; needs no network.

Every fifth sample of each class, in scikit-learn's order, is a test sample. The split draws on no random
numbers and no seed, because the sample models were trained on its training samples.
Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI repository, doi 10.24432/C50P49.
"""

from __future__ import annotations

import torch

from auditor.datasets.base import DataRequest, RawData, Split, data_source

TEST_EVERY = 5
"""One sample in so many, of each class, is a test sample."""

HIGHEST = 16
"""Pixels count the dark points in blocks of 4x4, so they go from 0 to 16; divided by 16 they are exact."""


@data_source("digits", "1,797 handwritten digits of 8x8 pixels, shipped with scikit-learn: no download")
def load(request: DataRequest) -> RawData:
    """Both splits as float32 ``(N, 1, 8, 8)`` in [0, 1]; neither depends on the request."""
    from sklearn.datasets import load_digits  # slow to import

    bunch = load_digits()
    pixels = torch.from_numpy(bunch.images).float().unsqueeze(1) / HIGHEST
    labels = torch.from_numpy(bunch.target).long()
    test = torch.zeros(len(labels), dtype=torch.bool)
    for label in range(10):
        test[torch.nonzero(labels == label).flatten()[TEST_EVERY - 1 :: TEST_EVERY]] = True
    return RawData(
        train=Split(pixels[~test], labels[~test]),
        test=Split(pixels[test], labels[test]),
        class_names=tuple(str(label) for label in range(10)),
        notes=("Every fifth sample of each class is a test sample, whatever the seed.",),
    )
