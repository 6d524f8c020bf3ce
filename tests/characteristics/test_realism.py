"""Realism: boundary instances against real test samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from auditor.characteristics.base import ClassSamples, Evidence
from auditor.characteristics.realism import Realism
from auditor.documents.results import NotMeasured
from tests.characteristics.evidence import empty, instances, of_half_space, rng


def world(boundary: torch.Tensor, train: list[torch.Tensor], test: list[torch.Tensor]) -> Evidence:
    _, ev = of_half_space(inputs=boundary.shape[1])
    both = [ClassSamples(label, train[label], test[label], None, None) for label in (0, 1)]
    found = instances(ev.classifier, boundary, boundary)
    return replace(ev, source=both[0], target=both[1], instances=found)


def clouds(count: int, seed: int) -> list[torch.Tensor]:
    g = rng(seed)
    return [torch.rand(count, 6, generator=g), torch.rand(count, 6, generator=g) + 1]


def measured(ev: Evidence, **settings):
    return Realism(**settings).measure(ev, rng=rng()).measures["realism"]


def test_agrees_with_scikit_learn():
    train, test = clouds(90, 0), clouds(50, 1)
    boundary = torch.rand(40, 6, generator=rng(2)) + 0.5
    near = NearestNeighbors(n_neighbors=1).fit(torch.cat(train).numpy())
    expected = [np.median(near.kneighbors(x.numpy())[0]) for x in (boundary, torch.cat(test))]
    found = measured(world(boundary, train, test))
    assert found.value == pytest.approx(expected[0] / expected[1], rel=1e-4)
    assert found.ci_low < found.value < found.ci_high
    assert found.n == 40


def test_unseen_samples_are_as_real_as_unseen_samples():
    train, test, more = clouds(300, 0), clouds(150, 1), clouds(150, 5)
    found = measured(world(torch.cat(more), train, test))
    assert found.ci_low < 1 < found.ci_high


def test_far_instances_score_high_and_copies_zero():
    train, test = clouds(90, 0), clouds(50, 1)
    assert measured(world(torch.full((30, 6), 9.0), train, test)).ci_low > 10
    assert measured(world(train[0][:30], train, test)).value == 0


def test_both_directions_agree_and_limits_hold():
    train, test = clouds(90, 0), clouds(50, 1)
    ev = world(torch.rand(40, 6, generator=rng(2)), train, test)
    assert measured(ev) == measured(replace(ev, source=ev.target, target=ev.source))
    # Fewer training samples are farther away, for both kinds of instance.
    assert measured(ev, train=10, test=10).value == pytest.approx(measured(ev).value, rel=0.5)


def test_reasons():
    train, test = clouds(30, 0), clouds(20, 1)
    boundary = torch.rand(10, 6, generator=rng(2))
    copies = measured(world(boundary, train, train))
    assert copies == NotMeasured(not_measured="too many test samples are copies of training samples")
    few = measured(world(boundary, train, [test[0], test[1][:1]]))
    assert few == NotMeasured(not_measured="it takes 2 test samples; there is 1")
    assert measured(empty(world(boundary, train, test).classifier)).not_measured.startswith("it takes 2 boundary")
