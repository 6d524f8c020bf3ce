"""An opened model and real instances in, a ``Classifier`` out, with what was measured on the way.

A file says little of itself: how many classes it has, whether its scores are probabilities, how wide its embedding is
and whether its gradients can be trusted is measured here on a few hundred instances.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from auditor.documents.results import NotMeasured, Parity, Validity
from auditor.errors import AuditError, AuditIncomplete, InputRefused, UsageError, error_summary
from auditor.models.base import Backend, ModelOptions
from auditor.models.batch_size import cpu_batch_size, measured_batch_size
from auditor.models.classifier import Batching, Classifier, Preprocessing, scores_to_probabilities
from auditor.models.determinism import ModelChanged, Watched
from auditor.models.fast_classes import reduced_precision
from auditor.models.logit_scale import Rescaled, rescaled, rescaling
from auditor.models.output_choice import looks_like
from auditor.models.output_kind import decide_output_kind
from auditor.models.shape import InstanceSpec, instance_spec, preprocessing, shape_text
from auditor.models.trial_checks import (
    check_batches,
    check_finite,
    check_gradient,
    check_parity,
    check_saturation,
    logit_scale,
    useless,
)

_OTHER_DATA = "pass --layout or other data"
MOST_CLASSES = 5_000
"""The confusion matrix alone has as many numbers as the square of the classes."""


@dataclass(frozen=True)
class Bound:
    """A classifier and what was measured while it was bound to data.

    Args:
        classifier: the model in pixel space.
        parity: agreement of the gradient route with the artefact, or why it was not measured.
        checks: ``output_finite``, ``output_kind``, ``parity`` (not without gradients), ``batch_consistency``,
            ``softmax_saturated``, ``gradient``, ``determinism``, in this order, and ``logit_scale`` where the logits
            were rescaled.
        watch: asks the model again for answers that it gave before.
    """

    classifier: Classifier
    parity: Parity | NotMeasured
    checks: list[Validity]
    watch: Watched


def bind(backend: Backend, samples: Tensor, options: ModelOptions, *, on_boundary: bool = False) -> Bound:
    """Measure a model on instances and wrap it for the rest of the tool.

    Args:
        backend: the opened model.
        samples (float32): ``(N, C, H, W)`` or ``(N, D)`` in [0, 1], N >= 1 (a few hundred), of the model's size.
        options: what the user said about the model.
        on_boundary: the samples lie on a boundary, so that the size of their scores says nothing of the model's.
    Raises:
        InputRefused: another input shape, outputs that are not scores of classes, none finite, too many classes, or
            probabilities that tell no classes apart.
        UsageError: an option contradicts the model or the data.
    """
    spec = instance_spec(backend.input, options.layout)
    _check_shape(spec, samples)
    prepare = preprocessing(options, spec.layout, samples.shape[1])
    scores = _first_scores(backend, prepare, samples)
    finite = check_finite(scores)
    usable = scores[torch.isfinite(scores).all(dim=1)]
    kind, kind_check = decide_output_kind(
        usable, backend.head, options.output_kind, bounded_output=backend.bounded_output
    )
    scale = 1.0 if on_boundary else rescaling(usable, kind)
    mended = [] if scale == 1 else [rescaled(scale)]
    if mended:
        backend, scores = Rescaled(backend, scale), scores * scale
    embedding_size = _embedding_size(backend, prepare(samples[:2]), options)
    watch = Watched(backend, lambda asked: scores_to_probabilities(asked, kind))
    watch.remember(prepare(samples), embeds=not isinstance(embedding_size, NotMeasured))
    classifier = Classifier(
        backend=watch,
        preprocessing=prepare,
        instance_shape=tuple(samples.shape[1:]),
        num_classes=max(2, scores.shape[1]),
        output_kind=kind,
        embedding_size=embedding_size,
        batching=Batching(cpu_batch_size(samples[0])),
        columns=scores.shape[1],
    )
    no_gradient, gradient = check_gradient(classifier, samples)
    parity: Parity | NotMeasured
    compared = []
    if no_gradient is None:
        parity, parity_check = check_parity(classifier, samples, scores)
        compared, no_gradient = [parity_check], useless(classifier, parity)
    else:
        parity = NotMeasured(not_measured=f"there is no gradient route: {no_gradient.not_measured}")
    steep = logit_scale(classifier, samples) if no_gradient is None else 1.0
    classifier = replace(classifier, no_gradient=no_gradient, logit_scale=steep)
    _fit_batches(classifier, samples)
    classifier = replace(classifier, reduced=reduced_precision(classifier, samples))
    batches, saturation = check_batches(classifier, samples), check_saturation(classifier, scores)
    watch.by_batch = batches.status != "ok"
    with suppress(ModelChanged):  # the check says so
        watch.check("the first samples")
    checks = [finite, kind_check, *compared, batches, saturation, gradient, watch.validity(), *mended]
    return Bound(classifier, parity, checks, watch)


def _check_shape(spec: InstanceSpec, samples: Tensor) -> None:
    """Compare the declared shape with that of the samples, both in pixel space."""
    found = tuple(samples.shape[1:])
    if spec.shape is None:
        return
    if len(spec.shape) != len(found) or any(a not in (None, b) for a, b in zip(spec.shape, found, strict=True)):
        raise InputRefused(
            f"inputs of shape {shape_text(spec.shape)} as the model declares",
            f"samples of {shape_text(found)}",
            _OTHER_DATA,
        )


def _first_scores(backend: Backend, prepare: Preprocessing, samples: Tensor) -> Tensor:
    """The artefact's scores of all samples: float32 ``(N, C)`` or ``(N, 1)`` on the CPU."""
    found = shape_text(tuple(samples.shape[1:]))
    _check_width(backend, prepare(samples[:1]))
    try:
        scores = torch.cat([backend.scores(prepare(part)).cpu() for part in samples.split(cpu_batch_size(samples[0]))])
    except AuditError:
        raise
    except Exception as error:
        if len(samples) > 1 and _runs(backend, prepare(samples[:1])):
            raise InputRefused(
                "a model that takes batches of any size",
                f"one that fails on {len(samples)} samples: {error_summary(error)}",
                "export it with a dynamic batch axis",
            ) from error
        raise InputRefused(
            "inputs of the shape that the model was built for",
            f"samples of {found}, on which it fails: {error_summary(error)}",
            _OTHER_DATA,
        ) from error
    if scores.dim() != 2 or scores.shape[1] < 1:
        kind = looks_like([("", tuple(scores.shape))])
        raise InputRefused(
            "class scores of shape (N, C)",
            f"output of shape {shape_text(tuple(scores.shape[1:]))}" + f": {kind}" * bool(kind),
            "audit a classifier",
        )
    if len(scores) != len(samples):
        raise InputRefused(
            "a row of scores for each sample",
            f"{len(scores)} rows for {len(samples)} samples of {found}",
            "export the model with a dynamic batch axis, or " + _OTHER_DATA,
        )
    return scores


def _check_width(backend: Backend, x: Tensor) -> None:
    """Count the classes on one sample, before memory is asked for by their number."""
    try:
        width = backend.scores(x)[0].numel()
    except Exception:  # the batch will tell
        return
    if width > MOST_CLASSES:
        raise InputRefused(
            f"at most {MOST_CLASSES:,} classes", f"{width:,}", "audit a model of fewer, or a head of those that matter"
        )


def _runs(backend: Backend, x: Tensor) -> bool:
    try:
        return len(backend.scores(x)) == len(x)
    except Exception:
        return False


def _embedding_size(backend: Backend, x: Tensor, options: ModelOptions) -> int | NotMeasured:
    """Width of the embedding by a run; what fails is an error only where the user chose the tensor."""
    if isinstance(backend.embedding, NotMeasured):
        return backend.embedding
    try:
        e = backend.embeddings(x)
    except AuditIncomplete:  # the device failed, not the model
        raise
    except Exception as error:
        problem = f"it cannot be computed: {error_summary(error)}"
    else:
        if e.dim() == 2 and len(e) == len(x) and e.shape[1] and torch.isfinite(e).all():
            return e.shape[1]
        problem = f"it has shape {tuple(e.shape)} for {len(x)} instances, or values that are not finite"
    if options.embedding is not None:
        raise UsageError(f"expected --embedding to name features of each instance; {options.embedding}: {problem}")
    return NotMeasured(not_measured=f"embedding {backend.embedding}: {problem}")


def _fit_batches(classifier: Classifier, samples: Tensor) -> None:
    """On a GPU, batches of the size that is fastest there."""
    if classifier.device.type != "cuda":
        return

    def both_ways(x: Tensor) -> None:
        classifier.backend.scores(classifier.preprocessing(x.to(classifier.device))).cpu()
        if isinstance(classifier.gradient, NotMeasured):
            return
        with torch.enable_grad():
            leaf = x.to(classifier.device).requires_grad_(True)
            torch.autograd.grad(classifier.backend.logits(classifier.preprocessing(leaf)).sum(), leaf)[0].cpu()

    classifier.batching.size = measured_batch_size(both_ways, samples, start=classifier.batch_size)
    classifier.backend.release_memory()
