"""What the model says of whole splits: asked once, used by every stage that follows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from auditor.audit.stages import Report
from auditor.datasets.base import Split
from auditor.models.classifier import Classifier
from auditor.results import NotMeasured

CELLS = 2**25
"""Numbers in the pixels that are held as float32 at once (128 MiB)."""


@dataclass(frozen=True)
class Predictions:
    """The artefact's answers on one split.

    Args:
        split: the samples.
        probabilities: float32 ``(N, C)``; a row that is not finite stays so.
        embeddings: float32 ``(N, E)``, None when the model has no embedding.
    """

    split: Split
    probabilities: Tensor
    embeddings: Tensor | None

    @property
    def finite(self) -> Tensor:
        """Bool ``(N,)``: whether all probabilities of a sample are finite."""
        return self.probabilities.isfinite().all(dim=1)

    @property
    def correct(self) -> Tensor:
        """Bool ``(N,)``: whether the predicted class is the label; never for a row that is not finite."""
        return self.finite & (self.probabilities.argmax(dim=1) == self.split.labels)

    @property
    def classes(self) -> list[int]:
        """Labels that occur, in order."""
        found: list[int] = self.split.labels.unique().tolist()
        return found


def predict_split(classifier: Classifier, split: Split, report: Report, name: str) -> Predictions:
    """Ask the artefact for the probabilities and embeddings of every sample of a split."""
    embeds = not isinstance(classifier.embedding_size, NotMeasured)
    cells = max(1, split.pixels[0].numel()) if len(split) else 1
    probabilities = [torch.empty(0, classifier.num_classes)]
    embeddings = [classifier.embeddings(split.instances(slice(0, 0)))] if embeds else []
    for rows in torch.arange(len(split)).split(max(1, CELLS // cells)):
        x = split.instances(rows)
        probabilities.append(classifier.probabilities(x))
        if embeds:
            embeddings.append(classifier.embeddings(x))
        report("predictions", int(rows[-1]) + 1, len(split), name)
    return Predictions(split, torch.cat(probabilities), torch.cat(embeddings) if embeds else None)
