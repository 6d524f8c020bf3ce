"""Multiply-adds of one forward pass, counted while torch computes it: convolutions and matrix products alone.

A count does not depend on the machine or on what else it does, so what is decided by it is decided alike everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from auditor.models.classifier import Classifier

aten = torch.ops.aten
_CONVOLUTIONS = {aten.convolution, aten._convolution}
_MATRIX: dict[Any, int] = {aten.mm: 0, aten.bmm: 0, aten.addmm: 1, aten.baddbmm: 1, aten.mv: 0, aten.addmv: 1}
"""Products by the place of their left factor, whose last axis is summed over."""


class _Counting(TorchDispatchMode):
    """Adds up the multiply-adds of whatever torch computes inside of it."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Not to be hidden from torch.compile, which is not in use here: torch would import all of it for that."""
        return False

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        packet = getattr(func, "overloadpacket", None)
        if packet in _CONVOLUTIONS:
            x, weight, transposed = args[0], args[1], args[6]
            self.total += (x if transposed else made).numel() * weight[0].numel()
        elif packet in _MATRIX:
            self.total += made.numel() * args[_MATRIX[packet]].shape[-1]
        return made


def multiply_adds(classifier: Classifier) -> int:
    """Multiply-adds of the gradient route for one instance, about; 0 where nothing that counts is computed by torch."""
    instance: Tensor = torch.full((1, *classifier.instance_shape), 0.5, device=classifier.device)
    with torch.no_grad(), _Counting() as counting:
        classifier.logits(instance)
    return counting.total
