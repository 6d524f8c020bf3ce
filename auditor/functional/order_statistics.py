"""Order statistics of bootstrap resamples, drawn without the resamples.

A resample of x_(0) <= .. <= x_(N-1) takes x_(floor(N u)) for N uniform numbers u. Sorting keeps that map, so the k-th
smallest of the resample is x_(floor(N u_k)) with u_k the k-th smallest of the uniform numbers; those of several k
together are partial sums of N + 1 exponential numbers over the sum of all (Renyi), which gamma numbers give at once.
So R resamples cost R numbers for each rank instead of R x N, and have the same distribution.

Source: Renyi, On the theory of order statistics, Acta Math. Hung. 4, 1953.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    n = len(ordered)
    ends = torch.tensor([0, *(rank + 1 for rank in ranks), n + 1], dtype=torch.float64)
    # What torch.distributions.Gamma draws from; that class takes no generator.
    sums = torch._standard_gamma(ends.diff().repeat(resamples, 1), generator=rng).cumsum(dim=1)
    uniform = sums[:, :-1] / sums[:, -1:]
    return ordered[(n * uniform).long().clamp_max(n - 1)]
