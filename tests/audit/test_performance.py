"""Accuracy, confusion and calibration against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix
from torch import Tensor

from auditor.audit.performance import BINS, bin_of, measure_performance
from auditor.audit.predictions import Predictions
from auditor.datasets.base import Split
from auditor.results import Measure, NotMeasured, Performance

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
    # bins: two at .95 (one right), one at .55 (right), one at .6 (right)
    assert isinstance(found.ece, Measure)
    assert found.ece.value == pytest.approx((2 * abs(0.95 - 0.5) + (1 - 0.55) + (1 - 0.6)) / 4, abs=1e-6)


def test_confusion_is_scikit_learns():
    p, labels = some_predictions()
    assert performance_of(p, labels).confusion == confusion_matrix(labels, p.argmax(dim=1)).tolist()


def test_ece_is_the_weighted_gap_of_scikit_learns_curve():
    # The same to 1e-6 as multiclass_calibration_error of torchmetrics 1.9, whose import takes ten seconds.
    p, labels = some_predictions()
    confidence, predicted = (part.numpy() for part in p.max(dim=1))
    counts = np.histogram(confidence, bins=BINS, range=(0, 1))[0]
    true, mean = calibration_curve(predicted == labels.numpy(), confidence, n_bins=BINS)
    ece = performance_of(p, labels).ece
    assert isinstance(ece, Measure)
    assert ece.value == pytest.approx(float((counts[counts > 0] * np.abs(true - mean)).sum() / len(labels)), abs=1e-6)
    assert ece.ci_low <= ece.value <= ece.ci_high
    assert ece.ci_high - ece.ci_low < 0.2


def test_reliability_is_scikit_learns_curve():
    p, labels = some_predictions()
    confidence, predicted = p.max(dim=1)
    true, mean = calibration_curve((predicted == labels).numpy(), confidence.numpy(), n_bins=BINS)
    bins = [one for one in performance_of(p, labels).reliability if one.n]
    np.testing.assert_allclose([one.accuracy for one in bins], true, atol=1e-6)
    np.testing.assert_allclose([one.confidence for one in bins], mean, atol=1e-6)
    assert sum(one.n for one in bins) == len(labels)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=50))
def test_each_confidence_lies_in_its_bin(values: list[float]):
    confidence = torch.tensor(values)
    index = bin_of(confidence)
    assert ((index >= 0) & (index < BINS)).all()
    inner = torch.arange(1, BINS) / BINS
    assert torch.equal(index, (confidence[:, None] >= inner).sum(dim=1))


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
