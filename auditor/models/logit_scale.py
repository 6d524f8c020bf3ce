"""Logits of a size at which the boundary can be told from what lies beside it.

A boundary instance has |p_s - p_t| < 1e-4. Where all logits are tiny, p is nearly the same everywhere and every point
would be one; where they are huge, float32 has no point at which two of them tie. Neither changes the class of any
point: such logits are multiplied by a power of two, which rounds nothing. Probabilities cannot be mended so; those that
tell the classes apart by too little are refused.
"""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from auditor.documents.results import Validity
from auditor.errors import InputRefused
from auditor.models.base import Around, Backend, OutputKind
from auditor.models.classifier import scores_to_probabilities

ID = "logit_scale"
_USUAL = 15.0
"""Median difference of the two leading logits of trained networks."""
_FLAT, _HUGE = 0.05, 2000.0
"""Differences below and above which logits are rescaled. At 0.05, |p_s - p_t| < 1e-4 is about a hundredth of the way
from a sample to the boundary; above 2,000, |p_s - p_t| < 1e-4 lies within the rounding of the logits themselves."""
_LEAST_LEAD = 1e-3
"""Median difference of the two leading probabilities below which the boundary cannot be told: ten times that of a
boundary instance."""


@final
class Rescaled(Around):
    """A model whose scores are logits, times a factor; its embeddings are left as they are.

    Args:
        inner: the model.
        factor: a power of two.
    """

    def __init__(self, inner: Backend, factor: float) -> None:
        super().__init__(inner)
        self._factor = factor

    def scores(self, x: Tensor) -> Tensor:
        """The artefact's logits times the factor."""
        return self.inner.scores(x) * self._factor

    def embeddings(self, x: Tensor) -> Tensor:
        """The artefact's embedding."""
        return self.inner.embeddings(x)

    def scores_and_embeddings(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both, in one run where the model's runtime can."""
        scores, embeddings = self.inner.scores_and_embeddings(x)
        return scores * self._factor, embeddings

    def logits(self, x: Tensor) -> Tensor:
        """The differentiable logits times the factor."""
        return self.inner.logits(x) * self._factor


def rescaling(scores: Tensor, kind: OutputKind) -> float:
    """The factor that brings logits to a usual size: a power of two, 1 where they have one.

    Args:
        scores (float32): finite, ``(N, C)`` or ``(N, 1)``.
    Raises:
        InputRefused: probabilities that are nearly the same for all classes.
    """
    if not len(scores):
        return 1.0
    if kind != "logits":
        _check_lead(scores_to_probabilities(scores, kind))
        return 1.0
    gap = float(_lead(scores).median())
    if gap == 0 or not math.isfinite(gap) or _FLAT <= gap <= _HUGE:
        return 1.0
    return 2.0 ** round(math.log2(_USUAL / gap))


def rescaled(factor: float) -> Validity:
    """Says that the logits were rescaled, and by how much."""
    size = "small" if factor > 1 else "large"
    return Validity(
        id=ID,
        status="warn",
        message=f"The model's logits are so {size} that no point could be told to lie on the boundary by its "
        f"probabilities; they are multiplied by {factor:.6g}. No class changes; probabilities, margins of logits and "
        "the calibration error are those of the multiplied logits.",
    )


def _check_lead(p: Tensor) -> None:
    lead = float(_lead(p).median())
    # All equal: a constant model, which is refused for what it is.
    if 0 < lead < _LEAST_LEAD:
        raise InputRefused(
            "probabilities that tell the classes apart",
            f"a lead of {lead:.1e} of the likeliest class over the next for half of the samples, where 1e-4 counts as a"
            " tie",
            "export the logits without the softmax or sigmoid, or with another temperature",
        )


def _lead(scores: Tensor) -> Tensor:
    """Difference of the two largest scores: float32 ``(N,)``; the size of the one logit of two classes."""
    if scores.shape[1] == 1:
        return scores[:, 0].abs()
    first, second = torch.topk(scores, 2, dim=1).values.unbind(1)
    return first - second
