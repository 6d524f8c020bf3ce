"""Realism of the boundary instances: are they as close to the training data as unseen real samples?

    realism = median_i min_k |b_i - x_k|  /  median_j min_k |u_j - x_k|

b_i: boundary instances; u_j: test samples of s and t; x_k: training samples of s and t. 1: as close to the training
data as samples the model has not seen; well above 1: away from the data.

The two medians rest on independent samples: the interval is that of the difference of their logarithms.
Source: this tool's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from auditor.characteristics.base import Characteristic, Evidence, Findings, characteristic
from auditor.documents.results import Definition
from auditor.functional.distances import nearest_between
from auditor.functional.quantiles import median_ratio
from auditor.functional.statistics import evenly_spaced

LEAST = 2


@characteristic("realism")
@dataclass(frozen=True)
class Realism(Characteristic):
    """Distance of boundary instances to the training data, relative to that of test samples.

    Args:
        train: most training samples of each class to be near to, evenly spaced over the training set.
        test: most test samples of each class to compare with.
    """

    train: int = 2000
    test: int = 250

    on_baselines = True
    moves_with_training = True
    definitions: ClassVar[Mapping[str, Definition]] = {
        "realism": Definition(
            title="Distance to the training data",
            unit="ratio to unseen samples",
            scale="ratio",
            better="lower",
            reading="lower is more realistic",
            bounds=(0.0, None),
            formula="median_i min_k |b_i - x_k| / median_j min_k |u_j - x_k|, u: test, x: training samples of s and t",
            text="How far boundary instances are from the nearest training sample of the two classes, compared with "
            "test samples. Near 1 they are as close to the data as real unseen samples. An instance that stays near "
            "the training sample it was made from also scores low.",
            source="this tool",
        )
    }

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """Ratio of the two medians."""
        boundary = evidence.instances.x_boundary
        # One order for both directions, so that they share what was computed on real samples.
        classes = sorted((evidence.source, evidence.target), key=lambda samples: samples.label)
        counts = {
            "boundary instances": len(boundary),
            "training samples": min(len(samples.train) for samples in classes),
            "test samples": min(len(samples.test) for samples in classes),
        }
        for what, count in counts.items():
            if count < LEAST:
                return self.not_measured(f"it takes {LEAST} {what}; there {'is' if count == 1 else 'are'} {count}")
        a, b = classes
        of_boundary = nearest_between(boundary, _limited(a.train, b.train, self.train))
        of_test = _real_distances(a.train, b.train, a.test, b.test, self.train, self.test)
        ratio = median_ratio(of_boundary, of_test)
        if ratio is None:
            return self.not_measured("too many test samples are copies of training samples")
        return Findings({"realism": self.as_measure("realism", *ratio, n=len(boundary))})


# Both directions of a pair and its baselines ask for the same, one after the other. A tensor's hash is its identity
# and the samples of a class are never written to, so the key is exact.
@lru_cache(maxsize=2)
def _real_distances(
    train_a: Tensor, train_b: Tensor, test_a: Tensor, test_b: Tensor, train_limit: int, test_limit: int
) -> Tensor:
    """Distance of each test sample of two classes to the nearest training sample of either."""
    return nearest_between(_limited(test_a, test_b, test_limit), _limited(train_a, train_b, train_limit))


def _limited(a: Tensor, b: Tensor, limit: int) -> Tensor:
    """At most ``limit`` evenly spaced samples of each of two classes."""
    return torch.cat([samples[evenly_spaced(len(samples), limit)] for samples in (a, b)])
