"""Parts of an audit: class pairs that are worked on together, so few that their instances fit into memory.

A shard is a whole number of class pairs. Its pairs share the model's batches; what a shard returns are plain numbers,
so memory does not grow with the number of pairs. Each pair draws from its own random generators; how the pairs are
cut into shards depends on the plan, the model and the data alone, never on a measurement.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from auditor.numbers.class_pairs import Pair

VALUES = {"cpu": 2**22, "cuda": 2**26}
"""Pixels of the sources of all directions of a shard. Some twenty such tensors live at once, 350 MB on a CPU."""
MOST_PAIRS = {"cpu": 8, "cuda": 32}
"""Pairs of a shard. On a CPU few, since batches are full all the same and an audit that is cut off loses the less."""


def pairs_at_once(instance_shape: Sequence[int], sources: int, device: str) -> int:
    """How many pairs one shard holds.

    Args:
        instance_shape: of one instance.
        sources: of one direction.
        device: type of device that computes.
    """
    direction = max(1, sources) * math.prod(instance_shape)
    kind = "cpu" if device == "cpu" else "cuda"
    return max(1, min(MOST_PAIRS[kind], VALUES[kind] // (2 * direction)))


def shards_of(pairs: Sequence[Pair], at_once: int) -> list[list[Pair]]:
    """The pairs in their order, cut into as few shards as can be, of nearly equal size.

    >>> [len(shard) for shard in shards_of([(0, i) for i in range(1, 12)], 5)]
    [4, 4, 3]
    """
    count = math.ceil(len(pairs) / at_once)
    ends = [round(len(pairs) * i / count) for i in range(count + 1)] if count else [0]
    return [list(pairs[a:b]) for a, b in itertools.pairwise(ends)]
