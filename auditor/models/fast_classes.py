"""Classes of very many points: most by a fast route at reduced precision, the last word always by the artefact.

A GPU computes a network several times as fast in 16 bits as in 32. Those are too few digits for a boundary instance,
and enough for the class of a point that lies some way from the boundary. How close is too close is measured for each
set of points: ``auditor.functional.close_calls``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from auditor.errors import InputRefused
from auditor.functional.close_calls import bound, close, difference, leader, margin
from auditor.models.classifier import Classifier, scores_to_classes, scores_to_logits

MOST_AGAIN = 0.5
"""Share of close calls from which on the fast route is a detour."""


FASTER = 1.5
"""The fast route has to be this many times as fast, or what is asked again takes what it gains."""


@dataclass
class TwoRoutes:
    """A classifier asked by its fast route first.

    Args:
        classifier: one that has such a route.
        bound: lead of the fast logits up to which the artefact is asked again.
        asked, again: points whose class was asked for, and those of which the artefact was asked; the points on which
            the bound was measured are among both.
    """

    classifier: Classifier
    bound: float
    asked: int
    again: int

    @classmethod
    def measured(cls, classifier: Classifier, x: Tensor) -> Self | None:
        """Both routes on some of the points: float32 ``(N, *shape)``, N >= 1; None where the fast one does not pay."""
        fast = _fast(classifier, x)
        if fast is None:
            return None
        _, exact = _by_artefact(classifier, x)
        limit = bound(fast, exact)
        if float(close(leader(fast)[1], limit).float().mean()) > MOST_AGAIN:
            return None
        return cls(classifier, limit, len(x), len(x))

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor] | None:
        """The artefact's classes and their leads, as ``classes_and_leads``; None where the fast route does not hold.

        Every point that is asked again is a test of the bound as well. The leads of the others are the fast route's.
        """
        fast = _fast(self.classifier, x)
        if fast is None:
            return None
        classes, lead = leader(fast)
        rows = torch.nonzero(close(lead, self.bound)).flatten()
        self.asked, self.again = self.asked + len(x), self.again + len(rows)
        if not len(rows):
            return classes, lead.float()
        right, exact = _by_artefact(self.classifier, x[rows])
        # Where the fast route gave no number at all, nothing was believed and nothing is to be learnt.
        apart = torch.where(lead[rows].isnan(), 0.0, difference(fast[rows], exact))
        if float(apart.amax()) > self.bound:
            return None
        return classes.index_put((rows,), right), lead.float().index_put((rows,), margin(exact, right))


def classes_and_leads(classifier: Classifier, x: Tensor) -> tuple[Tensor, Tensor]:
    """The artefact's class of each point, int64 ``(N,)``, and how far its logit leads the next, float32 ``(N,)``."""
    classes, logits = _by_artefact(classifier, x)
    return classes, margin(logits, classes)


def _fast(classifier: Classifier, x: Tensor) -> Tensor | None:
    """Logits by the fast route, None where there is none: some operators take no mixture of precisions."""
    if classifier.reduced is None:
        return None
    try:
        return classifier.reduced_logits(x)
    except InputRefused:
        return None


def _by_artefact(classifier: Classifier, x: Tensor) -> tuple[Tensor, Tensor]:
    """The artefact's class of each point, and logits that lead to its probabilities, on the scale of ``logits``."""
    scores = classifier.scores(x)
    logits = scores_to_logits(scores, classifier.output_kind)
    logits = torch.cat([torch.zeros_like(logits), logits], dim=1) if logits.shape[1] == 1 else logits
    return scores_to_classes(scores, classifier.output_kind), logits * classifier.logit_scale


def reduced_precision(
    classifier: Classifier, samples: Tensor, *, clock: Callable[[], float] = time.perf_counter
) -> torch.dtype | None:
    """The precision of the fast route, None where there is none or it is hardly faster.

    It takes a GPU with units for 16-bit numbers, and a gradient route that computes what the artefact computes, which
    that of a model that rounds does not. Of the two formats float16 has eight times the digits; what leaves its range
    is asked again.

    Args:
        samples: float32 ``(N, *shape)``, N >= 1; repeated to a batch on which both routes are timed.
    """
    device, backend = classifier.device, classifier.backend
    if device.type != "cuda" or backend.quantised or not isinstance(classifier.gradient, str):
        return None
    # A model in float16 has nothing to gain, one in float64 stays as it is; older units are slower in 16 bits.
    if backend.input.dtype not in (torch.float32, torch.uint8) or torch.cuda.get_device_capability(device) < (7, 0):
        return None
    both = replace(classifier, reduced=torch.float16)
    x = samples[torch.arange(both.batch_size) % len(samples)].to(device)
    if _fast(both, x) is None:
        return None
    fast, exact = (_seconds(answer, x, clock) for answer in (both.reduced_logits, both.scores))
    return torch.float16 if fast * FASTER < exact else None


def _seconds(answer: Callable[[Tensor], Tensor], x: Tensor, clock: Callable[[], float]) -> float:
    """How long an answer takes that has been given before: the first one of a size chooses kernels and allocates."""
    answer(x).cpu()
    begin = clock()
    answer(x).cpu()
    return clock() - begin
