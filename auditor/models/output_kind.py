"""What a model's scores are: logits, probabilities or sigmoids, from its graph, from the user and from data."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from auditor.documents.results import Validity
from auditor.errors import InputRefused, UsageError
from auditor.models.base import OutputKind

_ROUNDING = 1e-3


def decide_output_kind(
    scores: Tensor, head: OutputKind | None, asked: OutputKind | None, *, bounded_output: bool | None = None
) -> tuple[OutputKind, Validity]:
    """The kind of the scores, and how it is known.

    The graph is believed first; where it does not say, the user; where neither does, the data: rows that are not
    negative and sum to 1 within 1e-3 are probabilities, one column in [0, 1] is a sigmoid unless the graph is known to
    have none, anything else logits.

    Args:
        scores (float32): finite, ``(N, C)`` or ``(N, 1)``, N >= 1.
        head: what the graph ends in.
        asked: ``--output-kind``.
        bounded_output: whether the graph has a sigmoid or the like behind its last layer (``Backend.bounded_output``).
    Raises:
        UsageError: ``--output-kind`` contradicts the graph or the scores.
        InputRefused: one column of numbers that are neither a sigmoid nor said to be one, or a logit.
    """
    seen = _seen_in(scores)
    if asked is not None and head is not None and asked != head:
        raise UsageError(
            f"expected --output-kind {head}, as the model's graph ends; found {asked}; leave the option out"
        )
    if asked is not None and not _possible(scores, asked):
        raise UsageError(f"expected scores that are {asked} as asked; found {_range_of(scores)}; leave the option out")
    if scores.shape[1] == 1 and asked is None and (head == "logits" or (head is None and seen == "logits")):
        raise InputRefused(
            "a score for each class, or one sigmoid",
            f"one column with {_range_of(scores, sums=False)}: a regressor, or one logit",
            "audit a classifier; say --output-kind logits if it is the logit of the second of two classes",
        )
    if scores.shape[1] == 1 and asked is None and head is None and bounded_output is False:
        raise InputRefused(
            "a score for each class, or one sigmoid",
            f"one column with {_range_of(scores, sums=False)} and no sigmoid in the graph: a regressor",
            "audit a classifier; say --output-kind sigmoid if it is the probability of the second of two classes",
        )
    kind = head or asked or seen
    status, message = _explanation(scores, kind, head, asked, seen)
    return kind, Validity(id="output_kind", status=status, message=message)


def _explanation(
    scores: Tensor, kind: OutputKind, head: OutputKind | None, asked: OutputKind | None, seen: OutputKind
) -> tuple[Literal["ok", "warn"], str]:
    """Status and message of the check."""
    source = "as the model's graph ends" if head else "as asked" if asked else f"judged by {len(scores)} samples"
    if kind == "sigmoid" and scores.shape[1] > 1:
        return "warn", (
            f"The model has {scores.shape[1]} independent sigmoids ({source}); they are divided by their sum, as if "
            "each instance belonged to one class."
        )
    if not _possible(scores, kind):
        return "warn", f"Scores are {kind} ({source}), but {_range_of(scores)}."
    if head is None and asked is None and kind == "logits" and _within_unit_interval(scores):
        return "warn", (
            "Scores lie in [0, 1] and their rows do not sum to 1; they are taken as logits. If they are sigmoids, say "
            "so with --output-kind sigmoid."
        )
    if kind == "logits" and seen == "probabilities":
        return "warn", f"Scores are logits ({source}), but look like probabilities on the samples."
    return "ok", f"Scores are {kind} ({source})."


def _seen_in(scores: Tensor) -> OutputKind:
    if scores.shape[1] == 1:
        return "sigmoid" if _within_unit_interval(scores) else "logits"
    return "probabilities" if _possible(scores, "probabilities") else "logits"


def _possible(scores: Tensor, kind: OutputKind) -> bool:
    """Whether scores have the range of their kind."""
    if kind == "sigmoid" or (kind == "probabilities" and scores.shape[1] == 1):
        return _within_unit_interval(scores)
    if kind == "probabilities":
        sums = scores.double().sum(dim=1)
        return bool((scores >= 0).all()) and bool((sums - 1).abs().max() <= _ROUNDING)
    return True


def _within_unit_interval(scores: Tensor) -> bool:
    return bool(torch.all((scores >= 0) & (scores <= 1)))


def _range_of(scores: Tensor, *, sums: bool = True) -> str:
    values = f"values from {float(scores.min()):.3g} to {float(scores.max()):.3g}"
    rows = scores.double().sum(dim=1)
    return values + f", rows that sum to {float(rows.min()):.3g} .. {float(rows.max()):.3g}" * sums
