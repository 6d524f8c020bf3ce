"""The linear SVM between the training embeddings of two classes, on which EDC rests.

    minimise  1/2 |w|^2 + 1/2 b^2 + C sum_i max(0, 1 - y_i (w.e_i + b))^2,   C = 1

on the embeddings as they are (no standardisation, as in the paper). The problem has one optimum, which is reached
exactly, so the hyperplane depends on nothing but the embeddings.

Differences from the paper: at most ``FITTED`` training embeddings of each class are fitted.
Source: arXiv 1912.11460, section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from auditor.characteristics.base import ClassSamples
from auditor.documents.results import NotMeasured
from auditor.functional.linear_svm import linear_svm
from auditor.functional.statistics import evenly_spaced

FITTED = 1000
"""Most training embeddings of each class that the SVM is fitted on, evenly spaced over the training set."""
LEAST = 2


@dataclass(frozen=True)
class Hyperplane:
    """A hyperplane in embedding space.

    Args:
        normal: float64 ``(E,)``, unit length, pointing to the target class.
        offset: signed distance of the origin.
    """

    normal: Tensor
    offset: float

    def signed(self, embeddings: Tensor) -> Tensor:
        """Signed distance, positive on the target's side: float64 ``(N,)`` for float32 ``(N, E)``."""
        return embeddings.double() @ self.normal + self.offset

    def flipped(self) -> Hyperplane:
        """The same hyperplane seen from the other class."""
        return Hyperplane(-self.normal, -self.offset)


def separating_hyperplane(source: ClassSamples, target: ClassSamples) -> Hyperplane | NotMeasured:
    """The SVM's hyperplane between the training embeddings of two classes; the same one for both directions."""
    assert source.train_embeddings is not None
    assert target.train_embeddings is not None
    for samples in (source, target):
        if len(samples.train) < LEAST:
            reason = f"it takes {LEAST} training samples of each class; class {samples.label} has {len(samples.train)}"
            return NotMeasured(not_measured=reason)
    if source.label < target.label:
        return _fit(source.train_embeddings, target.train_embeddings)
    found = _fit(target.train_embeddings, source.train_embeddings)
    return found if isinstance(found, NotMeasured) else found.flipped()


# Both directions of a pair and its baselines ask for the same fit, one after the other. A tensor's hash is its
# identity and the samples of a class are never written to, so the key is exact.
@lru_cache(maxsize=2)
def _fit(source: Tensor, target: Tensor) -> Hyperplane | NotMeasured:
    parts = [e[evenly_spaced(len(e), FITTED)] for e in (source, target)]
    labels = torch.cat([torch.full((len(part),), sign) for part, sign in zip(parts, (-1.0, 1.0), strict=True)])
    embeddings = torch.cat(parts).double()
    found = linear_svm(embeddings, labels, c=1.0)
    if found is None:
        return NotMeasured(not_measured="the linear SVM did not converge")
    normal, bias = found
    decisions, length = embeddings @ normal, float(normal.norm())
    if float(decisions.max() - decisions.min()) < 1e-9:  # of 2, the width of the margin: rounding, not a direction
        return NotMeasured(not_measured="the training embeddings of the two classes cannot be told apart")
    return Hyperplane(normal / length, bias / length)
