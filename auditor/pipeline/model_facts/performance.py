"""How good the model is on the test split, as its own runtime predicts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from auditor.documents.results import (
    ACCURACY,
    CALIBRATION,
    CALIBRATION_ERROR,
    ClassAccuracy,
    Measured,
    NotMeasured,
    Performance,
    ReliabilityBin,
)
from auditor.functional.calibration import BINS, bin_of, calibration_error
from auditor.numbers.intervals import wilson
from auditor.pipeline.model_facts.predictions import Predictions


def measure_performance(test: Predictions, class_names: Sequence[str], *, rng: torch.Generator) -> Performance:
    """Accuracy with Wilson's interval, per class, confusion, calibration.

    A sample whose output is not finite counts as wrong, and appears neither in the confusion matrix nor in
    the calibration.

    Args:
        test: the artefact's answers on the test split.
        class_names: one for each class.
        rng: for the calibration error.
    """
    labels, correct = test.split.labels, test.correct
    per_class = [
        ClassAccuracy(index=index, name=name, accuracy=_accuracy(correct[labels == index]))
        for index, name in enumerate(class_names)
    ]
    known = test.finite
    confidence, predicted = test.probabilities[known].amax(dim=1), test.predicted[known]
    count = len(class_names)
    cells = labels[known] * count + predicted
    ece, calibration = _calibration(confidence, correct[known], rng)
    return Performance(
        accuracy=_accuracy(correct),
        per_class=per_class,
        confusion=torch.bincount(cells, minlength=count * count).view(count, count).tolist(),
        ece=ece,
        calibration=calibration,
        reliability=_reliability(confidence, correct[known]),
    )


def _accuracy(correct: Tensor) -> Measured:
    if not len(correct):
        return NotMeasured(not_measured="the test split has no such sample")
    return ACCURACY.measure(*wilson(int(correct.sum()), len(correct)), n=len(correct))


def _calibration(confidence: Tensor, correct: Tensor, rng: torch.Generator) -> tuple[Measured, Measured]:
    """The calibration error, and how often a perfectly calibrated model shows one as large."""
    if not len(confidence):
        missing = NotMeasured(not_measured="the test split has no sample with a finite output")
        return missing, missing
    estimate, p = calibration_error(confidence, correct, rng=rng)
    n = len(confidence)
    return CALIBRATION_ERROR.measure(*estimate, n=n), CALIBRATION.measure(p, None, None, n)


def _reliability(confidence: Tensor, correct: Tensor) -> list[ReliabilityBin]:
    found, bins = [], bin_of(confidence)
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
