"""How long the model takes: one forward, and one forward and backward pass, for each instance."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from auditor.documents.results import NotMeasured
from auditor.models.classifier import Classifier

REPEATS = 3
BUDGET_SECONDS = 2.0
"""No further repeat is begun after this."""


def forward_seconds(classifier: Classifier, x: Tensor) -> float:
    """Seconds of a prediction by the artefact's own runtime, per instance of the batch ``x``."""
    return _best(lambda: classifier.scores(x)) / len(x)


def both_seconds(classifier: Classifier, x: Tensor) -> float | NotMeasured:
    """Seconds of a forward and backward pass of the gradient route, per instance of the batch ``x``."""
    if isinstance(classifier.gradient, NotMeasured):
        return classifier.gradient

    def both() -> None:
        leaf = x.to(classifier.device).clone().requires_grad_()
        torch.autograd.grad(classifier.logits(leaf)[:, 0].sum(), leaf)
        if leaf.is_cuda:
            torch.cuda.synchronize(leaf.device)

    return _best(both) / len(x)


def _best(run: Callable[[], object]) -> float:
    """Least time of a few runs after one to warm up: what disturbs a run only ever makes it longer."""
    begin, times = time.perf_counter(), list[float]()
    run()
    while not times or (len(times) < REPEATS and time.perf_counter() - begin < BUDGET_SECONDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)
