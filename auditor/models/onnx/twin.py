"""The differentiable route through an ONNX classifier: its logits computed by torch.

The graph is imported up to the value before the last softmax or sigmoid. Files with a fixed batch size are
mapped over groups of that size, because such graphs may give right-looking but short results otherwise.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.errors import InputRefused
from auditor.models.base import ModelInput
from auditor.models.batching import differentiable, filled_up
from auditor.models.gpu import computing_on
from auditor.models.graphs.head import Head
from auditor.models.onnx.graph import Graph, import_graph
from auditor.models.onnx.graph.staircase import marked


class Twin:
    """Differentiable logits of a classifier.

    Args:
        graph: the graph of its scores.
        head: where its logits are.
        input: what it takes.
        device: where to compute.
    Raises:
        UnsupportedGraph: names every operator without a differentiable form.
    """

    def __init__(self, graph: Graph, head: Head[str], input: ModelInput, device: torch.device) -> None:
        self._module = import_graph(marked(graph.up_to(head.logits))).to(device).eval()
        self._head, self._input, self._device = head, input, device

    def __call__(self, x: Tensor) -> Tensor:
        """Logits z with softmax(z), or sigmoid(z) where C is 1, equal to the model's probabilities.

        Several sigmoids z become log sigmoid(z): its softmax is the sigmoids divided by their sum.

        Args:
            x (float32): ``(N, ...)`` in the model's layout.
        Returns:
            float32 ``(N, C)`` on the twin's device.
        """
        count, x = len(x), _continuous(x.to(self._device), self._input.dtype)
        with computing_on(self._device):
            z = self._mapped(x) if self._input.fixed_batch else self._module(x)
        if z.dim() == 0 or len(z) != count:
            raise InputRefused(
                f"one row of logits for each of {count} instances",
                f"shape {tuple(z.shape)}",
                "export the model with a dynamic batch axis, or with its batch size declared",
            )
        z = z.flatten(1).float()
        return F.logsigmoid(z) if self._head.link == "sigmoid" and z.shape[1] > 1 else z

    def _mapped(self, x: Tensor) -> Tensor:
        """The module over groups of the fixed batch size, the last group filled up with its last row."""
        size = self._input.fixed_batch or 1
        if len(x) == size:
            return self._module(x)
        groups = filled_up(x, len(x) + -len(x) % size).unflatten(0, (-1, size))
        return torch.vmap(self._module)(groups).flatten(0, 1)[: len(x)]


def _continuous(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Instances as the graph sees them, still differentiable, in float32 or, where the model takes that, float64."""
    return differentiable(x.float(), dtype if dtype in (torch.float64, torch.uint8) else torch.float32)
