"""Diversity: copies, scaling, and what the interval resamples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from auditor.characteristics.diversity import COLLAPSE, Diversity
from auditor.documents.results import NotMeasured
from tests.characteristics.evidence import instances, of_half_space, rng


def measured(x_source: torch.Tensor, x_boundary: torch.Tensor):
    _, ev = of_half_space(inputs=x_source.shape[1])
    found = instances(ev.classifier, x_source, x_boundary)
    return Diversity().measure(replace(ev, instances=found), rng=rng()).measures


def cloud(count: int = 80, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 6, generator=rng(seed))


@pytest.mark.parametrize("factor", [0.1, 0.5, 1.0])
def test_shrinking_the_sources_shrinks_the_ratio(factor):
    x = cloud()
    found = measured(x, 0.5 + factor * (x - 0.5))
    assert found["diversity"].value == pytest.approx(factor, rel=1e-4)
    # Numerator and denominator are resampled together, so their ratio does not vary here.
    assert (found["diversity"].ci_low, found["diversity"].ci_high) == pytest.approx((factor, factor), rel=1e-4)


def test_distances_are_those_of_scipy():
    x, b = cloud(seed=1), cloud(seed=2) ** 2
    found = measured(x, b)
    for name, points in (("nn_source", x), ("nn_boundary", b)):
        distances = cdist(points, points) + np.diag([np.inf] * len(points))
        assert found[name].value == pytest.approx(np.median(distances.min(axis=1)), rel=1e-5)
        assert found[name].ci_low < found[name].value < found[name].ci_high
    assert found["diversity"].value == pytest.approx(found["nn_boundary"].value / found["nn_source"].value)
    assert found["diversity"].ci_low < found["diversity"].value < found["diversity"].ci_high


def test_near_copies_of_one_image_are_collapse():
    x = cloud()
    found = measured(x, x[:1] + 1e-4 * cloud(seed=3))
    assert found["diversity"].value < 0.001
    assert found["diversity"].ci_high < COLLAPSE
    assert measured(x, x[:1].expand(80, -1))["diversity"].value == 0


def test_copied_sources_give_no_ratio():
    found = measured(cloud(2).repeat(10, 1), cloud(20))
    assert isinstance(found["diversity"], NotMeasured)
    assert found["nn_source"].value == 0
    assert found["nn_boundary"].value > 0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_instances(count):
    reason = NotMeasured(not_measured=f"it takes 3 boundary instances; there are {count}")
    assert all(found == reason for found in measured(cloud(count), cloud(count)).values())
