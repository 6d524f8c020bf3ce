"""A model that torch runs itself: its own answers, and functions cut out of its graph for logits and embedding.

The optimiser of TorchScript's executor stays off (``torch.jit.optimized_execution(False)``, a setting of the calling
thread): measured on a small CNN and a resnet18 at fourteen batch sizes, it made the first calls 2 to 8 times slower and
later ones no faster; outputs and gradients equal the eager module's bit for bit either way.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.jit._fuser import optimized_execution
from torch.nn import functional

from auditor.models.base import Backend
from auditor.models.batching import differentiable, in_groups, score_rows, to_input_dtype
from auditor.models.gpu import computing_on
from auditor.models.graphs.protocol import Form, as_vectors


class TorchBackend(Backend):
    """What TorchScript modules and torch.export programs have in common; each sets the functions and what is said.

    Attributes:
        answer: the scores of a batch by the model itself.
        tapped_logits: its differentiable scores before any softmax or sigmoid that the graph shows.
        tapped_embedding: what the last layer reads; None where there is none.
        form: how that becomes a vector for each instance.
        least, most: instances in a batch that these functions take.
    """

    answer: Callable[[Tensor], Tensor]
    tapped_logits: Callable[[Tensor], Tensor]
    tapped_embedding: Callable[[Tensor], Tensor] | None
    form: Form
    least: int = 1
    most: int | None = None

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """The model's own output for a batch: float32 ``(N, C)`` or ``(N, 1)``, no gradient."""
        return self._grouped(lambda part: score_rows(self.answer(part)), x)

    @torch.no_grad()
    def embeddings(self, x: Tensor) -> Tensor:
        """Input of the last layer (or the tensor asked for), averaged over axes that are not features: ``(N, E)``."""
        assert self.tapped_embedding is not None, self.embedding
        return as_vectors(self._grouped(self.tapped_embedding, x), self.form).float()

    def logits(self, x: Tensor) -> Tensor:
        """Differentiable scores before any softmax or sigmoid that the graph shows."""
        z = self._grouped(lambda part: score_rows(self.tapped_logits(part)), x, differentiable)
        # Sigmoids side by side count divided by their sum: softmax(log p) = p / sum p.
        return functional.logsigmoid(z) if self.head == "sigmoid" and z.shape[1] > 1 else z

    def _grouped(
        self,
        run: Callable[[Tensor], Tensor],
        x: Tensor,
        prepare: Callable[[Tensor, torch.dtype], Tensor] = to_input_dtype,
    ) -> Tensor:
        """``run`` over all of x, in batches of sizes that it takes."""

        def group(part: Tensor) -> Tensor:
            # A copy, because forward may work in place (x.sub_(mean)) on what is somebody else's data.
            return run(prepare(part.to(self.device), self.input.dtype).clone())

        with computing_on(self.device), optimized_execution(False):
            return in_groups(group, x, self.least, self.most)
