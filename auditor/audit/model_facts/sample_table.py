"""What the model says of single samples, as it stands in the results: samples named by split, place and file."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from auditor.audit.model_facts.predictions import Predictions
from auditor.documents.results import Pair, Samples, SampleTable


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
