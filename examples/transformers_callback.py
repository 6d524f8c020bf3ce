"""A callback for the Trainer of Hugging Face that audits an image classifier at every evaluation.

    data = (pixels_train, labels_train, pixels_test, labels_test)
    Trainer(..., callbacks=[BoundaryAudit(data, class_names=names, pairs="cat:dog")])

The metrics stand beside those of the evaluation (``eval_margin_l2_attack_cat_dog``) in the logs, on the boards, and
for ``metric_for_best_model``.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

import auditor


class Scores(torch.nn.Module):
    """The model as a function of pixels alone: what it returns as ``logits``."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, C)`` of pixels ``(N, C, H, W)`` in [0, 1]; normalise here what the processor normalises."""
        logits: torch.Tensor = self.model(pixel_values=pixels).logits
        return logits


class BoundaryAudit(TrainerCallback):
    """Audit the model as it is at an evaluation.

    Args:
        data: what ``auditor.audit`` takes; pixels in [0, 1] as they are before the processor normalises them.
        measure: the measure to log, from one class to another.
        options: of ``auditor.audit``.
    """

    def __init__(self, data: Any, measure: str = "margin_l2_attack", **options: Any) -> None:
        self.data, self.measure = data, measure
        self.options = {"profile": "quick", "quiet": True, **options}
        self.last: Any = None

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl,
        model: Any = None, metrics: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """Audit on the first process alone and add the numbers to the metrics of the evaluation."""
        if not state.is_world_process_zero:
            return
        self.last = auditor.audit(Scores(model), self.data, **self.options)
        found = {}
        for pair in self.last.pairs:
            for source, target in (pair.names, pair.names[::-1]):
                value = getattr(self.last.measure(self.measure, source, target), "value", None)
                if value is not None:
                    found[f"eval_{self.measure}_{source}_{target}"] = value
        metrics.update(found)
        state.log_history.append({"step": state.global_step, "epoch": state.epoch, **found})
