"""The train/test split of data that come without one."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from auditor.datasets.base import Split
from auditor.datasets.label_checks import class_text
from auditor.documents.results import WITHOUT_SPLIT
from auditor.errors import InputRefused

TEST_SHARE = 0.2
"""Share of each class that becomes test samples."""


def stratified(whole: Split, seed: int, class_names: Sequence[str]) -> tuple[Split, Split, str]:
    """Train split, test split, and the sentence about them for the report.

    A fifth of every class (rounded, at least one sample) is for the test; samples keep their order.

    Args:
        whole: all samples.
        seed: one seed, one split.
        class_names: for the message; may be empty.
    Raises:
        InputRefused: a class has one sample only, which cannot be on both sides.
    """
    rng = torch.Generator().manual_seed(seed)
    test = torch.zeros(len(whole), dtype=torch.bool)
    for label in whole.labels.unique().tolist():
        index = whole.of_class(label)
        if len(index) < 2:
            raise InputRefused(
                "two or more samples of each class, to split them into train and test",
                f"one of {class_text(label, class_names)}",
                "add samples, or give a train and a test split",
            )
        count = max(1, round(TEST_SHARE * len(index)))
        test[index[torch.randperm(len(index), generator=rng)[:count]]] = True
    note = f"{WITHOUT_SPLIT}: {TEST_SHARE:.0%} of each class, drawn with seed {seed}, are test samples."
    train_index, test_index = (torch.nonzero(mask).flatten() for mask in (~test, test))
    return whole.part(train_index), whole.part(test_index), note
