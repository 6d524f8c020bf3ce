"""Accuracy, confusion and calibration against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix
from torch import Tensor

from auditor.datasets.base import Split
from auditor.documents.results import Measure, NotMeasured, Performance
from auditor.functional.calibration import BINS
from auditor.pipeline.model_facts.performance import measure_performance
from auditor.pipeline.model_facts.predictions import Predictions

NAMES = ["a", "b", "c"]


def performance_of(probabilities: Tensor, labels: Tensor) -> Performance:
    test = Predictions(Split(torch.zeros(len(labels), 1), labels), probabilities, None)
    return measure_performance(test, NAMES, rng=torch.Generator().manual_seed(0))


def some_predictions(count: int = 300) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(1)
    return torch.softmax(2 * torch.randn(count, 3, generator=rng), dim=1), torch.randint(3, (count,), generator=rng)


def test_by_hand():
    p = torch.tensor([[0.95, 0.05, 0.0], [0.95, 0.05, 0.0], [0.0, 0.55, 0.45], [0.2, 0.2, 0.6]])
    found = performance_of(p, torch.tensor([0, 1, 1, 2]))
    assert isinstance(found.accuracy, Measure)
    assert (found.accuracy.value, found.accuracy.n) == (0.75, 4)
    assert found.confusion == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]


def test_confusion_is_scikit_learns():
    p, labels = some_predictions()
    assert performance_of(p, labels).confusion == confusion_matrix(labels, p.argmax(dim=1)).tolist()


def test_calibration_of_a_model_that_is_off_and_of_one_that_is_not():
    p, _ = some_predictions(600)
    rng = torch.Generator().manual_seed(3)
    calibrated = performance_of(p, torch.multinomial(p, 1, generator=rng)[:, 0])
    assert isinstance(calibrated.ece, Measure)
    assert isinstance(calibrated.calibration, Measure)
    assert calibrated.ece.ci_low == 0
    assert calibrated.calibration.value > 0.05
    assert (calibrated.calibration.ci_low, calibrated.calibration.scale) == (None, "number")
    off = performance_of(p, torch.multinomial(p.sqrt(), 1, generator=rng)[:, 0])  # less sure than it says
    assert isinstance(off.ece, Measure)
    assert isinstance(off.calibration, Measure)
    assert off.ece.low > 0.05
    assert off.calibration.value < 0.01


def test_reliability_is_scikit_learns_curve():
    p, labels = some_predictions()
    confidence, predicted = p.max(dim=1)
    true, mean = calibration_curve((predicted == labels).numpy(), confidence.numpy(), n_bins=BINS)
    bins = [one for one in performance_of(p, labels).reliability if one.n]
    np.testing.assert_allclose([one.accuracy for one in bins], true, atol=1e-6)
    np.testing.assert_allclose([one.confidence for one in bins], mean, atol=1e-6)
    assert sum(one.n for one in bins) == len(labels)


def test_outputs_that_are_not_finite_count_as_wrong_and_nowhere_else():
    p = torch.tensor([[1.0, 0, 0], [torch.nan, 0, 0], [0, 1.0, 0]])
    found = performance_of(p, torch.tensor([0, 0, 1]))
    assert isinstance(found.accuracy, Measure)
    assert found.accuracy.value == pytest.approx(2 / 3)
    assert sum(map(sum, found.confusion)) == 2
    assert isinstance(found.ece, Measure)
    assert found.ece.n == 2


def test_a_class_without_test_samples_is_not_measured():
    p, labels = some_predictions()
    found = performance_of(p[labels != 2], labels[labels != 2])
    assert isinstance(found.per_class[2].accuracy, NotMeasured)
    assert isinstance(found.per_class[0].accuracy, Measure)


def test_no_finite_output_at_all():
    found = performance_of(torch.full((4, 3), torch.nan), torch.tensor([0, 1, 2, 0]))
    assert isinstance(found.accuracy, Measure)
    assert found.accuracy.value == 0
    assert isinstance(found.ece, NotMeasured)
