"""A callback for Lightning that audits the module while it is trained and logs how close its boundary is.

    trainer = Trainer(callbacks=[BoundaryAudit((x_train, y_train, x_test, y_test), pairs="3:9", every=5)])

Each number is a metric, ``margin_l2_attack/3:9``, so that every logger draws it and ``EarlyStopping`` and
``ModelCheckpoint`` can watch ``margin_l2_attack/least``.
"""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

import auditor


class BoundaryAudit(Callback):
    """Audit after every so many epochs, and keep the last audit for the end.

    Args:
        data: what ``auditor.audit`` takes, such as ``(x_train, y_train, x_test, y_test)``; of ``(x, y)`` a fifth would
            be called test samples, also where the module is trained on them.
        measure: the measure to log, from one class to another.
        every: epochs between two audits.
        options: of ``auditor.audit``, such as ``pairs``, ``profile`` and ``class_names``.
    """

    def __init__(self, data: Any, measure: str = "margin_l2_attack", every: int = 1, **options: Any) -> None:
        self.data, self.measure, self.every = data, measure, every
        self.options = {"profile": "quick", "quiet": True, **options}
        self.last: Any = None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Audit on the first process alone; the module is given back as it was."""
        if (trainer.current_epoch + 1) % self.every or not trainer.is_global_zero:
            return
        with torch.inference_mode(False), torch.enable_grad():
            self.last = auditor.audit(pl_module, self.data, **self.options)
        found = {}
        for pair in self.last.pairs:
            for source, target in (pair.names, pair.names[::-1]):
                value = getattr(self.last.measure(self.measure, source, target), "value", None)
                if value is not None:  # otherwise it could not be measured, and the report says why
                    found[f"{self.measure}/{source}:{target}"] = value
        if found:
            pl_module.log_dict(found | {f"{self.measure}/least": min(found.values())}, rank_zero_only=True)
