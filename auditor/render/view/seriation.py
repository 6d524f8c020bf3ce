"""An order of the classes in which alike ones stand together.

A short path through all classes: nearest neighbour from the closest pair, then 2-opt reversals until none helps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

Pair = tuple[int, int]


def order(classes: Sequence[int], distances: Mapping[Pair, float]) -> list[int]:
    """The classes along a short path.

    Args:
        classes: class indices.
        distances: by (smaller, larger) index; a missing pair counts as the mean.
    Returns:
        A permutation of ``classes``, the same for equal arguments.
    """
    if len(classes) < 3 or not distances:
        return list(classes)
    mean = sum(distances.values()) / len(distances)

    def between(a: int, b: int) -> float:
        pair = (min(a, b), max(a, b))
        return distances.get(pair, mean)

    closest = min(sorted(distances), key=lambda pair: distances[pair])
    path = list(closest)
    left = [c for c in classes if c not in path]
    while left:
        nearest = min(left, key=lambda c: (min(between(c, path[0]), between(c, path[-1])), c))
        left.remove(nearest)
        if between(nearest, path[0]) < between(nearest, path[-1]):
            path.insert(0, nearest)
        else:
            path.append(nearest)
    return _shortened(path, between)


def _shortened(path: list[int], between: Callable[[int, int], float]) -> list[int]:
    def length(candidate: list[int]) -> float:
        return sum(between(a, b) for a, b in pairwise(candidate))

    best, improved = length(path), True
    while improved:
        improved = False
        for i in range(len(path) - 1):
            for j in range(i + 2, len(path) + 1):
                candidate = path[:i] + path[i:j][::-1] + path[j:]
                if (shorter := length(candidate)) < best - 1e-12:
                    path, best, improved = candidate, shorter, True
    return path
