"""Order statistics of bootstrap resamples, drawn without the resamples.

A resample of x_(0) <= .. <= x_(N-1) takes x_(floor(N u)) for N uniform numbers u. Sorting keeps that map, so the k-th
smallest of the resample is x_(floor(N u_k)) with u_k the k-th smallest of the uniform numbers; those of several k
together are partial sums of N + 1 exponential numbers over the sum of all (Renyi), which gamma numbers give at once.
So R resamples cost R numbers for each rank instead of R x N, and have the same distribution.

Source: Renyi, On the theory of order statistics, Acta Math. Hung. 4, 1953.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def resampled(ordered: Tensor, ranks: Sequence[int], resamples: int, *, rng: torch.Generator) -> Tensor:
    """The order statistics of these ranks in resamples with replacement, those of one resample side by side.

    Args:
        ordered: ``(N,)``, ascending, N >= 1.
        ranks: R different numbers in [0, N), ascending.
        resamples: B, how many are drawn.
        rng: CPU generator.
    Returns:
        ``(B, R)``, the dtype of ``ordered``.
    """
    n, ends = len(ordered), [0, *(rank + 1 for rank in ranks), len(ordered) + 1]
    # torch has no public gamma numbers that take a generator.
    numbers = np.random.Generator(np.random.PCG64(int(torch.randint(2**62, (), generator=rng))))
    sums = torch.from_numpy(numbers.standard_gamma(np.diff(ends), (resamples, len(ends) - 1))).cumsum(dim=1)
    uniform = sums[:, :-1] / sums[:, -1:]
    return ordered[(n * uniform).long().clamp_max(n - 1)]
