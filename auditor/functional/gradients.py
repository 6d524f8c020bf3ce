"""Gradients of a model in its input, which say where to go next; whether one has arrived is asked of the model itself.

On a GPU the way back rounds the factors of its products to 10 bits (TF32), a relative error of about 1e-3 of a
direction that is a first-order guess in any case. The way forth, whose values decide, does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


def gradient_of(value: Tensor, at: Tensor, *, retain_graph: bool = False) -> Tensor:
    """The gradient of a number.

    Args:
        value (float32): ``()``, computed from ``at``.
        at (float32): ``(N, *shape)``, requires gradients.
        retain_graph: whether the way back will be gone again.
    Returns:
        float32 ``(N, *shape)``, on its device.
    """
    with _coarse_products(value.device):
        return torch.autograd.grad(value, at, retain_graph=retain_graph)[0]


@contextmanager
def _coarse_products(device: torch.device) -> Iterator[None]:
    """TF32 on a GPU, set back afterwards; nothing on a CPU."""
    if device.type != "cuda":
        yield
        return
    places: tuple[Any, Any] = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [place.allow_tf32 for place in places]
    try:
        for place in places:
            place.allow_tf32 = True
        yield
    finally:
        for place, allowed in zip(places, before, strict=True):
            place.allow_tf32 = allowed
