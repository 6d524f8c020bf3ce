"""What the model says of whole splits: asked once, used by every stage that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from auditor.datasets.base import Split
from auditor.documents.results import NotMeasured, Pair, Samples, SampleTable
from auditor.models.classifier import Classifier, scores_to_classes, scores_to_logits, scores_to_probabilities
from auditor.pipeline.stages import Report

CELLS = 2**25
"""Numbers in the pixels that are held as float32 at once (128 MiB)."""


ANSWERS = ("probabilities", "embeddings", "runner_up", "logit_margin", "by_scores")
"""Fields of ``Predictions`` that are tensors, one row for each sample."""


@dataclass(frozen=True)
class Predictions:
    """The artefact's answers on one split.

    Args:
        split: the samples.
        probabilities: float32 ``(N, C)``; a row that is not finite stays so.
        embeddings: float32 ``(N, E)``, None when the model has no embedding.
        runner_up: int64 ``(N,)``, the likeliest class other than the label; None where nobody asks for it.
        logit_margin: float32 ``(N,)``, logit of the label less that of the runner-up; as ``runner_up``.
        by_scores: int64 ``(N,)``, the class by the model's own scores; None takes that of the largest probability.
    """

    split: Split
    probabilities: Tensor
    embeddings: Tensor | None
    runner_up: Tensor | None = None
    logit_margin: Tensor | None = None
    by_scores: Tensor | None = None

    @property
    def finite(self) -> Tensor:
        """Bool ``(N,)``: whether all probabilities of a sample are finite."""
        return self.probabilities.isfinite().all(dim=1)

    @property
    def predicted(self) -> Tensor:
        """Int64 ``(N,)``: the model's class; of no meaning for a row that is not finite."""
        return self.probabilities.argmax(dim=1) if self.by_scores is None else self.by_scores

    @property
    def correct(self) -> Tensor:
        """Bool ``(N,)``: whether the predicted class is the label; never for a row that is not finite."""
        return self.finite & (self.predicted == self.split.labels)

    def right_of(self, label: int) -> Tensor:
        """Places of the samples of a class that the model puts in it, int64 ``(M,)``."""
        return torch.nonzero(self.correct & (self.split.labels == label)).flatten()

    @property
    def classes(self) -> list[int]:
        """Labels that occur, in order."""
        found: list[int] = self.split.labels.unique().tolist()
        return found


def predict_split(classifier: Classifier, split: Split, report: Report, name: str) -> Predictions:
    """Ask the artefact for the probabilities and embeddings of every sample of a split."""
    embeds = not isinstance(classifier.embedding_size, NotMeasured)
    cells = max(1, split.pixels[0].numel()) if len(split) else 1
    probabilities, margins = [torch.empty(0, classifier.num_classes)], [torch.empty(0, 2)]
    by_scores = [torch.empty(0, dtype=torch.int64)]
    embeddings = [classifier.embeddings(split.instances(slice(0, 0)))] if embeds else []
    for rows in torch.arange(len(split)).split(max(1, CELLS // cells)):
        x = split.instances(rows)
        if embeds:
            scores, embedded = classifier.scores_and_embeddings(x)
            embeddings.append(embedded)
        else:
            scores = classifier.scores(x)
        probabilities.append(scores_to_probabilities(scores, classifier.output_kind))
        by_scores.append(scores_to_classes(scores, classifier.output_kind))
        margins.append(_margins(scores_to_logits(scores, classifier.output_kind), split.labels[rows]))
        report("predictions", int(rows[-1]) + 1, len(split), name)
    margin, runner_up = torch.cat(margins).unbind(1)
    everything = torch.cat(embeddings) if embeds else None
    return Predictions(split, torch.cat(probabilities), everything, runner_up.long(), margin, torch.cat(by_scores))


def _margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Float32 ``(N, 2)``: logit of the label less the largest of the others, and the class of that one."""
    if logits.shape[1] == 1:  # one sigmoid: the logit of the second class over the first
        logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
    own = logits.gather(1, labels[:, None])[:, 0]
    other, runner_up = logits.scatter(1, labels[:, None], -torch.inf).max(dim=1)
    return torch.stack([own - other, runner_up.to(own.dtype)], dim=1)


def bytes_of(*answers: Predictions) -> int:
    """Bytes that the answers take."""
    values = [getattr(of, name) for of in answers for name in ANSWERS]
    return sum(x.numel() * x.element_size() for x in values if x is not None)


def samples_of(train: Predictions, test: Predictions, pairs: Sequence[Pair]) -> Samples:
    """All test samples, and of the training samples those that a direction used, that are wrong or are flagged."""
    matters = torch.zeros(len(train.split), dtype=torch.bool)
    matters |= ~train.correct
    for direction in (direction for pair in pairs for direction in pair.directions):
        places = [direction.sources] if direction.sources.split == "train" else []
        flagged = [flag.index for flag in direction.flagged if flag.split == "train"]
        margins = [direction.margins["train"].index] if "train" in direction.margins else []
        for index in (*(part.index for part in places), *flagged, *margins):
            matters[torch.tensor(index, dtype=torch.int64)] = True
    return Samples(
        test=_table(test, torch.arange(len(test.split))), train=_table(train, torch.nonzero(matters).flatten())
    )


def _table(of: Predictions, index: Tensor) -> SampleTable:
    assert of.logit_margin is not None
    assert of.runner_up is not None
    labels, finite = of.split.labels[index], of.finite[index]
    p_label = of.probabilities[index].gather(1, labels[:, None])[:, 0]
    known = finite & of.logit_margin[index].isfinite()
    return SampleTable(
        index=index.tolist(),
        file=[of.split.files[i] for i in index.tolist()] if of.split.files else [],
        label=labels.tolist(),
        predicted=_where(finite, of.predicted[index]),
        p_label=[None if p is None else float(f"{p:.6g}") for p in _where(finite, p_label)],
        logit_margin=[None if m is None else float(f"{m:.6g}") for m in _where(known, of.logit_margin[index])],
        runner_up=_where(finite, of.runner_up[index]),
    )


def _where(known: Tensor, values: Tensor) -> list:  # type: ignore[type-arg]
    return [value if k else None for k, value in zip(known.tolist(), values.tolist(), strict=True)]
