"""Calibration error against scikit-learn's curve, exact small cases, coverage by simulation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from torch import Tensor

from auditor.functional import calibration
from auditor.functional.calibration import BINS, bin_of, calibration_error


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "DRAWS", 200)
    monkeypatch.setattr(calibration, "STEPS", 20)


def confidences(count: int, g: torch.Generator) -> Tensor:
    """Mostly sure, as of a trained model."""
    return 1 - 0.5 * torch.rand(count, generator=g) ** 3


def error_of(confidence: Tensor, correct: Tensor) -> float:
    """T, with everything that chance adds to it."""
    in_bin = torch.nn.functional.one_hot(bin_of(confidence), BINS).double()
    count = in_bin.sum(dim=0)
    mean = confidence.double() @ in_bin / count.clamp_min(1)
    return float(calibration._error(count, mean, correct.double() @ in_bin))


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=50))
def test_each_confidence_lies_in_its_bin(values: list[float]):
    confidence = torch.tensor(values)
    index = bin_of(confidence)
    assert ((index >= 0) & (index < BINS)).all()
    inner = torch.arange(1, BINS) / BINS
    assert torch.equal(index, (confidence[:, None] >= inner).sum(dim=1))


def test_the_error_is_the_weighted_gap_of_scikit_learns_curve():
    # The same to 1e-6 as multiclass_calibration_error of torchmetrics 1.9, whose import takes ten seconds.
    g = rng(1)
    confidence = confidences(400, g)
    correct = torch.rand(400, generator=g) < confidence**2
    counts = np.histogram(confidence.numpy(), bins=BINS, range=(0, 1))[0]
    true, mean = calibration_curve(correct.numpy(), confidence.numpy(), n_bins=BINS)
    expected = float((counts[counts > 0] * np.abs(true - mean)).sum() / 400)
    assert error_of(confidence, correct) == pytest.approx(expected, abs=1e-6)


def test_p_is_the_share_of_all_possible_answers_of_a_calibrated_model():
    confidence = torch.tensor([0.5, 0.6, 0.61, 0.9, 0.91, 0.97])
    correct = torch.tensor([True, True, False, False, True, True])
    seen, expected = error_of(confidence, correct), 0.0
    for answers in product([False, True], repeat=len(confidence)):
        chance = torch.where(torch.tensor(answers), confidence, 1 - confidence).double().prod()
        expected += float(chance) * (error_of(confidence, torch.tensor(answers)) >= seen - 1e-9)
    assert calibration_error(confidence, correct, rng=rng())[1] == pytest.approx(expected, abs=0.05)


@pytest.mark.usefixtures("fewer_draws")
def test_a_calibrated_model_is_called_uncalibrated_as_rarely_as_p_says():
    draws, small, outside = 200, 0, 0
    for seed in range(draws):
        g = rng(seed)
        confidence = confidences(300, g)
        estimate, p = calibration_error(confidence, torch.rand(300, generator=g) < confidence, rng=g)
        small += p <= 0.05
        outside += estimate.low > 0
        assert (estimate.low > 0) == (p < 0.025)
    assert small / draws <= 0.05 + 3 * (0.05 * 0.95 / draws) ** 0.5
    assert outside / draws <= 0.05


@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize("off", [0.03, 0.1])
def test_a_known_error_is_covered_and_not_overstated(off):
    draws, covered, values = 150, 0, []
    for seed in range(draws):
        g = rng(seed)
        confidence = confidences(500, g)
        estimate, _ = calibration_error(confidence, torch.rand(500, generator=g) < confidence - off, rng=g)
        covered += estimate.low <= off <= estimate.high
        values.append(estimate.value)
    assert covered / draws >= 0.90
    assert np.median(values) == pytest.approx(off, abs=0.007)


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=30))
def test_the_interval_holds_the_value_and_stays_a_share(samples):
    confidence, correct = (torch.tensor(column) for column in zip(*samples, strict=True))
    (value, low, high), p = calibration_error(confidence.float(), correct, rng=rng())
    assert 0 <= low <= value <= high <= 1
    assert 0 < p <= 1
