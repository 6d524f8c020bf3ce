"""How many instances go through the model in one call.

On a CPU the number follows from the size of an instance alone: it must not depend on a measurement, because sums are
rounded otherwise in other batches, and two runs of one audit have to agree in every digit. On a GPU, where that cannot
be promised anyway and a wrong number costs most of the speed, it is measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from auditor.models.memory import lack_of_memory

SMALLEST, LARGEST_CPU, LARGEST_GPU = 8, 256, 8192
VALUES = 1 << 22
"""Numbers in a batch on a CPU: beyond it the caches are too small."""
GAIN = 1.1
"""Twice the batch has to be this many times as fast, or it is not worth its memory."""


def cpu_batch_size(instance: Tensor) -> int:
    """Instances for each call on a CPU: about four million values, at least 8 and at most 256 instances."""
    return max(SMALLEST, min(LARGEST_CPU, VALUES // max(1, instance.numel())))


def filled(count: int) -> int:
    """Instances in the batch that a GPU's runtime computes for ``count`` of them: the next power of two.

    ONNX Runtime plans its convolutions anew for another size than the last one; few sizes make few plans.

    >>> [filled(count) for count in (1, 5, 8, 1150, 1350)]
    [1, 8, 8, 2048, 2048]
    """
    return 1 << (count - 1).bit_length()


def measured_batch_size(
    compute: Callable[[Tensor], object],
    x: Tensor,
    *,
    start: int,
    clock: Callable[[], float] = time.perf_counter,
) -> int:
    """Instances for each call on a GPU: doubled as long as that pays and memory lasts.

    Args:
        compute: one call of the model, finished when it returns.
        x: ``(N, *shape)``, real instances; repeated as often as needed.
        start: the first size.
    Returns:
        the largest size that was at least ``GAIN`` times as fast, for each instance, as half of it.
    """
    best, pace = start, float("inf")
    size = filled(start)
    while size <= LARGEST_GPU:
        batch = x[torch.arange(size) % len(x)]
        try:
            compute(batch)  # the first call of a size chooses kernels and allocates
            begin = clock()
            compute(batch)
            took = (clock() - begin) / size
        except Exception as err:
            if not lack_of_memory(err):
                raise
            break
        if took * GAIN > pace:
            break
        best, pace, size = size, took, 2 * size
    return best
