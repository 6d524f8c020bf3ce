"""Distances against scipy, and where a matrix product alone would fail."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from auditor.functional import distances
from auditor.functional.distances import l2, linf, nearest_between, neighbours_within


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_each_instance_to_its_partner():
    x, y = torch.zeros(2, 1, 2, 2), torch.tensor([[[[1.0, 2], [2, 4]]], [[[0, 0], [-3, 0]]]])
    assert l2(x, y).tolist() == [5, 3]
    assert linf(x, y).tolist() == [4, 3]


@given(st.integers(2, 30), st.integers(1, 25), st.integers(1, 40), st.integers(0, 99))
def test_nearest_agrees_with_scipy(n, m, width, seed):
    x, y = random(n, width, seed=seed), random(m, width, seed=seed + 100)
    within = cdist(x.double().numpy(), x.double().numpy())
    np.fill_diagonal(within, np.inf)
    assert neighbours_within(x)[0].numpy() == pytest.approx(within.min(axis=1), abs=1e-4)
    between = cdist(x.double().numpy(), y.double().numpy()).min(axis=1)
    assert nearest_between(x, y).numpy() == pytest.approx(between, abs=1e-4)


def test_images_are_vectors():
    x = random(7, 3, 4, 5)
    assert torch.equal(neighbours_within(x)[0], neighbours_within(x.flatten(1))[0])


def test_copies_are_at_zero_and_near_copies_at_their_distance():
    # |x|^2 is about 1,000 here; a distance taken from the product would be off by about 0.01.
    base = random(1, 3000)
    x = torch.cat([base, base, base + 1e-3, 1 - base])
    found = neighbours_within(x)[0]
    assert found[:2].tolist() == [0, 0]
    assert float(found[2]) == pytest.approx(1e-3 * 3000**0.5, rel=1e-3)


def test_blocks_do_not_change_the_answer(monkeypatch):
    x, y = random(50, 6), random(40, 6, seed=1)
    whole = neighbours_within(x)[0], nearest_between(x, y)
    monkeypatch.setattr(distances, "CELLS", 130)
    assert torch.allclose(neighbours_within(x)[0], whole[0])
    assert torch.allclose(nearest_between(x, y), whole[1])


def test_no_instances_have_no_distances():
    assert nearest_between(torch.empty(0, 3), random(4, 3)).shape == (0,)


def test_the_neighbour_is_the_one_at_that_distance():
    x = torch.rand(30, 4, generator=torch.Generator().manual_seed(2))
    distances, index = neighbours_within(x)
    assert torch.equal(distances, l2(x, x[index]))
    assert bool((index != torch.arange(30)).all())
