"""Callables in memory: functions of arrays or tensors, the ``predict_proba`` of estimators, MAITE models.

What a callable takes is learnt from a trial. Arrays go first: what is written for tensors fails on them, while much
that is written for arrays runs on tensors and computes something else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, final

import numpy as np
import torch
from torch import Tensor

from auditor.documents.results import NotMeasured
from auditor.errors import InputRefused
from auditor.models.base import Backend, ModelInput
from auditor.models.batching import score_rows
from auditor.models.output_choice import tensor_among

Takes = Literal["arrays", "tensors", "lists of arrays"]
_CPU = torch.device("cpu")
_SCORES = "scores of shape (N, C), a row for each sample"


@final
class FunctionBackend(Backend):
    """A callable: a batch in, a row of scores for each instance out.

    Args:
        call: it.
        name: in words, without an address in memory.
        takes: how it takes a batch: one NumPy array, one tensor, or a list of arrays (MAITE).
        device: of the tensors that it takes.
    """

    def __init__(self, call: Callable[..., Any], name: str, takes: Takes, device: torch.device = _CPU) -> None:
        self._call, self._takes, self.device = call, takes, device
        self.input = ModelInput(None)
        self.runtime = f"{name}, given {takes}"
        self.head = None
        self.embedding = NotMeasured(not_measured="a callable shows no layer")
        self.gradient: str | NotMeasured = (
            "torch autograd through the callable"
            if takes == "tensors"
            else NotMeasured(not_measured=f"a callable that is given {takes} shows no gradient")
        )

    def scores(self, x: Tensor) -> Tensor:
        """What the callable says of a batch: float32 ``(N, C)`` or ``(N, 1)``, no gradient."""
        with torch.no_grad():
            if self._takes == "tensors":
                return score_rows(_tensor(self._call(x.to(self.device, copy=True))))
            arrays = np.array(x.cpu().numpy())  # a copy: the callable may write to it
            return score_rows(_tensor(self._call(arrays if self._takes == "arrays" else list(arrays)))).to(x.device)

    def embeddings(self, x: Tensor) -> Tensor:
        """There are none."""
        raise AssertionError(self.embedding)

    def logits(self, x: Tensor) -> Tensor:
        """The callable's scores, differentiable where it computes with tensors."""
        if isinstance(self.gradient, NotMeasured):
            raise InputRefused("a model with gradients", self.gradient.not_measured, "give a module")
        return score_rows(_tensor(self._call(x.to(self.device).clone())))


def _tensor(output: Any) -> Tensor:
    """What a callable returned as one tensor.

    Raises:
        InputRefused: labels instead of scores, or nothing that makes an array.
    """
    if isinstance(output, Sequence) and len(output) and isinstance(output[0], Tensor) and output[0].dim() < 2:
        output = torch.stack(list(output))
    if isinstance(output, Mapping | tuple):
        output = tensor_among(output, None)
    if isinstance(output, Tensor):
        return output
    array = np.asarray(output)
    if array.dtype.kind not in "f":
        raise InputRefused(
            _SCORES, f"{array.dtype} of shape {array.shape}", "give predict_proba, or what returns scores"
        )
    return torch.from_numpy(np.array(array, dtype=np.float32))
