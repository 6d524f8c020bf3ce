"""Cutting an audit into parts: every pair once, in order, in parts that fit."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from auditor.pipeline.pairs.shard import MOST_PAIRS, pairs_at_once, shards_of


@given(st.integers(0, 80), st.integers(1, 40))
def test_every_pair_is_in_one_shard_and_shards_are_even(count: int, at_once: int) -> None:
    pairs = list(combinations(range(20), 2))[:count]
    shards = shards_of(pairs, at_once)
    assert [pair for shard in shards for pair in shard] == pairs
    sizes = [len(shard) for shard in shards]
    assert all(0 < size <= at_once for size in sizes)
    assert not sizes or max(sizes) - min(sizes) <= 1


def test_a_shard_holds_what_memory_allows_and_at_least_one_pair() -> None:
    assert pairs_at_once((1, 8, 8), 140, "cpu") == MOST_PAIRS["cpu"]
    assert pairs_at_once((3, 224, 224), 400, "cpu") == 1
    assert pairs_at_once((1, 8, 8), 140, "cpu", large=True) == 1
    assert pairs_at_once((1, 8, 8), 140, "cuda", large=True) == pairs_at_once((1, 8, 8), 140, "cuda")
    small, large = (pairs_at_once((1, 28, 28), sources, "cpu") for sources in (100, 400))
    assert large < small <= MOST_PAIRS["cpu"]
    assert pairs_at_once((1, 28, 28), 400, "cuda") > large
