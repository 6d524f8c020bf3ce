"""The parts of an audit for those who want them by themselves: a model opened, boundary instances generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from auditor.api.plan_from_options import model_plan_from
from auditor.boundary.base import BoundaryInstances, DirectionTask, Generator, generators
from auditor.documents.profiles import profile_named
from auditor.documents.results import NotMeasured
from auditor.errors import InputRefused, UsageError, error_summary
from auditor.models.bind_to_data import bind
from auditor.models.classifier import Classifier
from auditor.models.shape import instance_spec
from auditor.pipeline.model_and_data import BINDING_SAMPLES, model_options, open_artefact
from auditor.pipeline.seeds import generator_for


def opened(asked: Mapping[str, Any]) -> Classifier:
    """A model file, bound to samples or to noise; see ``auditor.open_model``, whose arguments these are."""
    plan = model_plan_from(asked)
    artefact = open_artefact(plan)
    options = model_options(plan, artefact.threads)
    shape = instance_spec(artefact.backend.input, options.layout).shape
    if asked["samples"] is not None:
        return bind(artefact.backend, as_instances(asked["samples"], shape), options).classifier
    if shape is None or None in shape:
        raise InputRefused("samples for a model that does not declare its shape", "none", "give samples=")
    noise = torch.rand(BINDING_SAMPLES, *shape, generator=generator_for(0, "noise"))  # type: ignore[arg-type]
    return bind(artefact.backend, noise, options).classifier


def generated(
    classifier: Classifier, samples: tuple[Any, Any], classes: tuple[int, int], generator: str | Generator,
    profile: str, seed: int,
) -> BoundaryInstances:  # fmt: skip
    """Boundary instances of one direction; see ``auditor.boundary_instances``."""
    if not isinstance(classifier, Classifier):
        found = type(classifier).__name__
        raise UsageError(f"expected a classifier, as open_model gives it; found {found}; open the model first")
    profile_named(profile)
    name = generator if isinstance(generator, str) else type(generator).__name__
    chosen = generators[generator].configured(profile) if isinstance(generator, str) else generator
    embeds = not isinstance(classifier.embedding_size, NotMeasured)
    needs = ((chosen.needs_embedding, classifier.embedding_size), (chosen.needs_gradient, classifier.gradient))
    for needed, fact in needs:
        if needed and isinstance(fact, NotMeasured):
            raise InputRefused(f"a model that suits the generator {name}", fact.not_measured, "choose another")
    x, e = list[Tensor](), list[Tensor | None]()
    for given, label in zip(samples, classes, strict=True):
        every = as_instances(given, classifier.instance_shape)
        x.append(own := every[classifier.predict(every).cpu() == label])
        if not len(own):
            raise InputRefused(f"samples that the model puts in class {label}", f"none of {len(every)}", "give others")
        e.append(classifier.embeddings(own) if embeds else None)
    rng = generator_for(seed, name, *classes)
    chosen = chosen.prepared(
        classifier, [classes], lambda most: _some(x, classes, most), rng=generator_for(seed, "prepared", name)
    )
    (found,) = chosen(classifier, [DirectionTask(*classes, x[0], x[1], e[0], e[1], rng)])
    return found


def _some(x: list[Tensor], classes: tuple[int, int], most: int) -> dict[int, Tensor]:
    """As many samples of each class as go into so many bytes."""
    count = max(1, most // (2 * x[0][0].nbytes))
    return {label: of[:count] for label, of in zip(classes, x, strict=True)}


def as_instances(samples: Any, shape: Sequence[int | None] | None) -> Tensor:
    """Float32 in [0, 1] from an array or tensor of pixels; images become vectors where ``shape`` is that of one.

    Raises:
        UsageError: they are none.
    """
    try:
        x = torch.as_tensor(samples)
    except (TypeError, ValueError, RuntimeError) as err:
        found = f"{type(samples).__name__}, of which torch says: {error_summary(err)}"
        raise UsageError(f"expected an array or a tensor of samples; found {found}; give one") from err
    x = x.float() / 255 if x.dtype == torch.uint8 else x.float()
    return x.flatten(1) if shape is not None and len(shape) == 1 else x
