"""Segments, changes of class along them, and the draw of pairs."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from auditor.functional.trajectories import class_change_rate, round_robin_pairs, segments


def test_segments_hold_both_ends_exactly_and_even_steps():
    g = torch.Generator().manual_seed(0)
    start, end = torch.rand(5, 3, 4, 4, generator=g), torch.rand(5, 3, 4, 4, generator=g)
    path = segments(start, end, 50)
    assert path.shape == (5, 50, 3, 4, 4)
    assert torch.equal(path[:, 0], start)
    assert torch.equal(path[:, -1], end)
    assert torch.allclose(path.diff(dim=1), ((end - start) / 49)[:, None].expand(-1, 49, -1, -1, -1), atol=1e-6)


@given(st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=8))
def test_oscillation_is_what_a_plain_loop_counts(rows):
    expected = [sum(a != b for a, b in itertools.pairwise(row)) / 5 for row in rows]
    assert torch.allclose(class_change_rate(torch.tensor(rows)), torch.tensor(expected))


@given(st.integers(2, 40), st.integers(1, 50), st.integers(0, 5))
def test_tournament_repeats_no_pair_and_keeps_rounds_disjoint(count, rounds, seed):
    pairs = round_robin_pairs(count, rounds, rng=torch.Generator().manual_seed(seed))
    everyone = count if count % 2 else count - 1
    assert len(pairs) == min(rounds, everyone) * (count // 2)
    assert all(a != b for a, b in pairs.tolist())
    assert len({frozenset(pair) for pair in pairs.tolist()}) == len(pairs)
    for one_round in pairs.split(count // 2):
        assert len(one_round.unique()) == one_round.numel()
    if rounds >= everyone:
        assert len(pairs) == count * (count - 1) // 2


def test_tournament_is_drawn_from_the_generator():
    first, again, other = (round_robin_pairs(11, 4, rng=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
