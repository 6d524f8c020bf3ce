"""A fast route is believed only where its error cannot change the class."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from auditor.functional.close_calls import FACTOR, FAR, FLOOR, bound, close, difference, leader


def numbers(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(st.integers(0, 10**6), st.integers(2, 6), st.floats(1e-3, 3.0), st.booleans())
def test_within_the_bound_both_routes_have_the_same_leader(seed: int, classes: int, limit: float, ties: bool):
    exact = 2 * numbers(seed, 200, classes)
    exact = exact.round() if ties else exact
    fast = exact + limit / 2 * (2 * torch.rand(exact.shape, generator=torch.Generator().manual_seed(seed)) - 1)
    assert (difference(fast, exact) <= limit + 1e-5).all()
    found, lead = leader(fast)
    believed = ~close(lead, limit + 1e-5)
    assert torch.equal(found[believed], exact.argmax(dim=1)[believed])


def test_a_shift_of_all_logits_is_no_difference():
    z = numbers(0, 50, 5)
    assert difference(z + 3, z).max() < 1e-6


def test_the_bound_is_a_multiple_of_the_largest_difference():
    exact = torch.tensor([[0.0, 3.0, 1.0], [2.0, 0.0, 0.0]])
    fast = exact + torch.tensor([[0.0, 0.0, 0.1], [-0.3, 0.0, 0.0]])
    assert difference(fast, exact).tolist() == pytest.approx([0.1, 0.3])
    assert bound(fast, exact) == pytest.approx(FACTOR * 0.3)


def test_routes_that_agree_by_chance_still_ask_again_where_it_is_close():
    z = torch.tensor([[0.0, 3.0], [2.0, 0.0]])
    assert bound(z, z) == pytest.approx(3 * FLOOR)
    assert bound(100 * z, 100 * z) == pytest.approx(FAR * FLOOR)


def test_what_is_far_behind_does_not_matter():
    exact = torch.tensor([[0.0, 60.0, 10.0]])
    assert difference(exact + torch.tensor([[25.0, 0.0, 0.0]]), exact).tolist() == [0]
    assert difference(torch.tensor([[0.0, 40.0]]), torch.tensor([[0.0, 69.0]])).tolist() == [0]


def test_another_leader_is_a_difference_of_both_margins():
    assert difference(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])).tolist() == [3]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_is_no_number_is_close_and_different(bad: float):
    fast, exact = torch.tensor([[bad, 9.0, 0.0]]), torch.tensor([[1.0, 9.0, 0.0]])
    assert close(leader(fast)[1], 0.1).tolist() == [True]
    assert difference(fast, exact).tolist() == [torch.inf]
    assert bound(fast, exact) == torch.inf
