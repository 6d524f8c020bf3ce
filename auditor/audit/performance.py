"""How good the model is on the test split, as its own runtime predicts.

    ECE = sum over bins of  n_b / N * |accuracy_b - confidence_b|

over 15 bins of equal width of the confidence max_c p_c. Source of ECE: Guo et al., arXiv 1706.04599.
It is three lines on the tensors at hand: the library that has it, torchmetrics, takes ten seconds to import.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from auditor.audit.predictions import Predictions
from auditor.functional.statistics import Estimate, bootstrap, wilson
from auditor.results import ClassAccuracy, Measure, Measured, NotMeasured, Performance, ReliabilityBin

BINS = 15


def measure_performance(test: Predictions, class_names: Sequence[str], *, rng: torch.Generator) -> Performance:
    """Accuracy with Wilson's interval, per class, confusion, calibration.

    A sample whose output is not finite counts as wrong, and appears neither in the confusion matrix nor in
    the calibration.

    Args:
        test: the artefact's answers on the test split.
        class_names: one for each class.
        rng: for the interval of ECE.
    """
    labels, correct = test.split.labels, test.correct
    per_class = [
        ClassAccuracy(index=index, name=name, accuracy=_accuracy(correct[labels == index]))
        for index, name in enumerate(class_names)
    ]
    known = test.finite
    confidence, predicted = test.probabilities[known].max(dim=1)
    count = len(class_names)
    cells = labels[known] * count + predicted
    bins = bin_of(confidence)
    return Performance(
        accuracy=_accuracy(correct),
        per_class=per_class,
        confusion=torch.bincount(cells, minlength=count * count).view(count, count).tolist(),
        ece=_ece(confidence, correct[known], bins, rng),
        reliability=_reliability(confidence, correct[known], bins),
    )


def bin_of(confidence: Tensor) -> Tensor:
    """Which of the ``BINS`` bins [i / BINS, (i + 1) / BINS) holds each confidence; 1 belongs to the last.

    Args:
        confidence (float32): ``(N,)`` in [0, 1].
    Returns:
        int64 ``(N,)``.
    """
    inner = torch.arange(1, BINS, dtype=confidence.dtype) / BINS
    return torch.bucketize(confidence, inner, right=True)


def _accuracy(correct: Tensor) -> Measured:
    if not len(correct):
        return NotMeasured(not_measured="the test split has no such sample")
    estimate = wilson(int(correct.sum()), len(correct))
    return _measure(estimate, len(correct), "share of test samples", "higher is better")


def _ece(confidence: Tensor, correct: Tensor, bins: Tensor, rng: torch.Generator) -> Measured:
    if not len(confidence):
        return NotMeasured(not_measured="the test split has no sample with a finite output")
    # Row i holds the gap of sample i in the column of its bin, so that ECE is a sum of absolute column means.
    gaps = torch.zeros(len(bins), BINS, dtype=torch.float64)
    gaps[torch.arange(len(bins)), bins] = confidence.double() - correct.double()
    estimate = bootstrap(gaps, lambda rows: rows.mean(dim=1).abs().sum(dim=1, keepdim=True), rng=rng)[0]
    return _measure(estimate, len(confidence), "share", "lower is better")


def _reliability(confidence: Tensor, correct: Tensor, bins: Tensor) -> list[ReliabilityBin]:
    found = []
    for index in range(BINS):
        inside = bins == index
        count = int(inside.sum())
        found.append(
            ReliabilityBin(
                low=index / BINS,
                high=(index + 1) / BINS,
                confidence=float(confidence[inside].double().mean()) if count else None,
                accuracy=float(correct[inside].double().mean()) if count else None,
                n=count,
            )
        )
    return found


def _measure(estimate: Estimate, n: int, unit: str, direction: str) -> Measure:
    return Measure(
        value=estimate.value, ci_low=estimate.low, ci_high=estimate.high, n=n, unit=unit, direction=direction
    )
