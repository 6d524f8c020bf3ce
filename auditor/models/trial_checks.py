"""Checks of a model on real instances, made before any of its numbers is believed. Each returns a ``Validity``."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from auditor.documents.results import NotMeasured, Parity, Validity
from auditor.errors import InputRefused, error_summary
from auditor.models.classifier import Classifier, scores_to_probabilities
from auditor.models.gpu import failure_of

_SINGLES = 16
_SAME_PROBABILITY, _OTHER_PROBABILITY = 1e-4, 1e-2
_CLOSE, _FAR = 1e-3, 5e-2
_SATURATED_SHARE = 0.05
_FOR_SCALE = 64
_USUAL_GAP, _STEEP_GAP = 15.0, 100.0
"""Median difference of the two leading logits: of trained networks, and one at which exp(-gap) is 0 in float32."""
_LEAST_AGREEMENT = 0.8
"""A straight-through twin that agrees with its model less often than this leads nowhere."""


def check_finite(scores: Tensor) -> Validity:
    """Whether every score is a finite number.

    Args:
        scores (float32): ``(N, C)`` or ``(N, 1)``.
    Raises:
        InputRefused: no row is finite.
    """
    bad = int((~torch.isfinite(scores).all(dim=1)).sum())
    if bad == len(scores):
        raise InputRefused(
            "finite scores", f"NaN or infinity for all {bad} samples", "check --mean, --std and the model"
        )
    message = f"All scores of {len(scores)} samples are finite."
    if bad:
        message = f"{bad} of {len(scores)} samples have scores that are NaN or infinite; their class is undefined."
    return Validity(id="output_finite", status="fail" if bad else "ok", message=message)


def check_gradient(classifier: Classifier, samples: Tensor) -> tuple[NotMeasured | None, Validity]:
    """Whether the gradient route gives finite gradients that are not all zero, and why it is of no use if not.

    Args:
        samples (float32): ``(N, *shape)`` in [0, 1], N >= 1; the first 16 are used.
    """
    if isinstance(classifier.gradient, NotMeasured):
        return _without_gradient(classifier.gradient.not_measured)
    x = samples[:_SINGLES].clone().requires_grad_()
    try:
        z = classifier.logits(x)
        # Weights that differ between classes: the gradient of the plain sum of probabilities is zero.
        (gradient,) = torch.autograd.grad((z * torch.linspace(-1, 1, z.shape[1], device=z.device)).sum(), x)
    except (RuntimeError, InputRefused) as error:
        if (failure := failure_of(classifier.device, error)) is not None:
            raise failure from error
        return _without_gradient(error_summary(error.__cause__ or error))
    finite = torch.isfinite(gradient).flatten(1).all(dim=1)
    nothing = (gradient == 0).flatten(1).all(dim=1)
    if not finite.any() or nothing.all():
        found = "gradients that are zero" if nothing.all() else "gradients that are not finite"
        return _without_gradient(f"{found} for all samples")
    bad = int((~finite | nothing).sum())
    message = f"The gradient is finite and not zero for all of {len(x)} samples."
    if bad:
        message = f"The gradient is zero or not finite for {bad} of {len(x)} samples."
    return None, Validity(id="gradient", status="warn" if bad else "ok", message=message)


def _without_gradient(reason: str) -> tuple[NotMeasured, Validity]:
    message = f"No gradients: {reason}. The boundary is searched by the model's answers alone."
    return NotMeasured(not_measured=reason), Validity(id="gradient", status="warn", message=message)


def check_parity(classifier: Classifier, samples: Tensor, scores: Tensor) -> tuple[Parity | NotMeasured, Validity]:
    """Agreement of the gradient route with the artefact, on the scale of the artefact's scores.

    Probabilities and sigmoids are compared as probabilities, logits up to a shift of each row. A model that
    rounds does so where its twin does not, and its runtime fuses operators: there a difference warns and only
    disagreement fails.

    Args:
        samples (float32): ``(N, *shape)`` in [0, 1].
        scores (float32): the artefact's, ``(N, C)`` or ``(N, 1)``.
    """
    with torch.no_grad():
        z = torch.cat([classifier.logits(part).cpu() for part in samples.split(classifier.batch_size)])
    ours, theirs = z, scores
    if classifier.output_kind != "logits":
        ours, theirs = torch.softmax(z, dim=1), scores_to_probabilities(scores, classifier.output_kind)
    elif scores.shape[1] == 1:
        theirs = torch.cat([torch.zeros_like(scores), scores], dim=1)
    else:  # a file that ends in a log-softmax shifts all logits of a row, which no probability sees
        ours, theirs = (values - values.mean(dim=1, keepdim=True) for values in (ours, theirs))
    finite = torch.isfinite(theirs).all(dim=1)
    broken = int((finite & ~torch.isfinite(ours).all(dim=1)).sum())
    compared = finite & torch.isfinite(ours).all(dim=1)
    ours, theirs = ours[compared], theirs[compared]
    if not len(ours):
        reason = "the gradient route gives no finite score on any sample"
        return NotMeasured(not_measured=reason), Validity(
            id="parity", status="fail", message=f"Not measured: {reason}."
        )
    difference = float((ours - theirs).abs().max())
    agreement = float((ours.argmax(dim=1) == theirs.argmax(dim=1)).float().mean())
    relative = difference / max(1.0, float(theirs.abs().max()))
    status: Literal["ok", "warn", "fail"] = "warn"
    rough = classifier.backend.quantised and agreement >= _LEAST_AGREEMENT
    if broken or (not rough and (relative > _FAR or agreement < 1 - _FAR)):
        status = "fail"
    elif relative <= _CLOSE and agreement >= 1 - 10 * _CLOSE:
        status = "ok"
    message = (
        f"The gradient route agrees with the model's own runtime on {agreement:.1%} of {len(ours)} samples; largest "
        f"difference {difference:.2g} ({'scores' if classifier.output_kind == 'logits' else 'probabilities'})."
    )
    if classifier.backend.quantised:
        message += " The model rounds, its twin rounds otherwise; all results are checked on the model."
    if broken:
        message += f" It gives no finite score on {broken} samples where the runtime does."
    parity = Parity(max_abs_diff=difference, agreement=agreement, n=len(ours))
    return parity, Validity(id="parity", status=status, message=message)


def useless(classifier: Classifier, parity: Parity | NotMeasured) -> NotMeasured | None:
    """Why the twin of a quantised model is too far from it to lead to its boundary, None where it is near enough."""
    if not classifier.backend.quantised or isinstance(parity, NotMeasured) or parity.agreement >= _LEAST_AGREEMENT:
        return None
    reason = f"the straight-through twin agrees with the quantised model on {parity.agreement:.1%} of the samples only"
    return NotMeasured(not_measured=reason)


def logit_scale(classifier: Classifier, samples: Tensor) -> float:
    """Factor that brings logits to a usual scale, 1 where they are on one.

    At a temperature of 0.01, or with logits times 1,000, every softmax is 0 or 1: a loss of it has no gradient on the
    one side of the boundary and a huge one on the other, and a generator that trains on it stops far from the boundary.
    """
    with torch.no_grad():
        leading = classifier.logits(samples[:_FOR_SCALE]).topk(2, dim=1).values
    gap = float((leading[:, 0] - leading[:, 1]).nanmedian())
    return _USUAL_GAP / gap if _STEEP_GAP < gap < float("inf") else 1.0


def check_batches(classifier: Classifier, samples: Tensor) -> Validity:
    """Whether a sample's probabilities depend on the samples beside it, or on chance.

    Args:
        samples (float32): ``(N, *shape)`` in [0, 1], N >= 1; the first 16 are used.
    """
    x = samples[:_SINGLES]
    together = classifier.probabilities(x)
    alone = torch.cat([classifier.probabilities(one) for one in x.split(1)])
    again = classifier.probabilities(x)
    usable = torch.isfinite(together).all(dim=1) & torch.isfinite(alone).all(dim=1) & torch.isfinite(again).all(dim=1)
    if not usable.any():
        return Validity(
            id="batch_consistency", status="fail", message="No finite score to compare on the first samples."
        )
    together, alone, again = together[usable], alone[usable], again[usable]
    repeat = float((together - again).abs().max())
    if repeat > _SAME_PROBABILITY:
        text = f"The same samples gave other probabilities the second time (by {repeat:.2g}): the model is random."
        return Validity(id="batch_consistency", status="fail", message=text)
    difference = float((together - alone).abs().max())
    flips = int((together.argmax(dim=1) != alone.argmax(dim=1)).sum())
    if difference <= _SAME_PROBABILITY:
        text = f"{len(x)} samples run one by one and as a batch give the same probabilities (within {difference:.1g})."
        return Validity(id="batch_consistency", status="ok", message=text)
    text = (
        f"{len(x)} samples run one by one and as a batch differ by up to {difference:.2g} in probability; "
        f"{flips} change class."
    )
    return Validity(
        id="batch_consistency", status="fail" if flips or difference > _OTHER_PROBABILITY else "warn", message=text
    )


def check_saturation(classifier: Classifier, scores: Tensor) -> Validity:
    """Share of samples whose probability is exactly 1 in float32, so that nothing distinguishes the other classes.

    Logits are judged by their softmax but never warn: nothing is lost in them.

    Args:
        scores (float32): the artefact's, ``(N, C)`` or ``(N, 1)``.
    """
    finite = scores[torch.isfinite(scores).all(dim=1)]
    share = float((scores_to_probabilities(finite, classifier.output_kind).amax(dim=1) == 1).float().mean())
    message = f"{share:.1%} of {len(finite)} samples have a probability of exactly 1 in float32"
    if classifier.output_kind == "logits":
        return Validity(id="softmax_saturated", status="ok", message=f"{message}; the model's scores are logits.")
    if classifier.backend.head is not None:
        message += "; gradients are taken before the model's own head"
    else:
        message += "; gradients pass through the saturated probabilities, since the graph does not show what is before"
    status: Literal["ok", "warn"] = "warn" if share > _SATURATED_SHARE else "ok"
    return Validity(id="softmax_saturated", status=status, message=f"{message}.")
