"""A look at a model without an audit: what its file says, and how it fits the data if there are any."""

from __future__ import annotations

import torch

from auditor.documents.inspection import Estimate, Inspection, Normalisation, PassCost
from auditor.documents.plan import Plan
from auditor.documents.profiles import PROFILES
from auditor.documents.results import ACCURACY, NotMeasured, Validity
from auditor.functional.statistics import evenly_spaced
from auditor.numbers.intervals import wilson
from auditor.pipeline.inspect.estimate import both_seconds, expected, expected_memory, forward_seconds, seconds
from auditor.pipeline.model_and_data import Subject, open_artefact, open_subject
from auditor.pipeline.model_facts.normalisations import SAMPLES, tried
from auditor.pipeline.model_facts.performance import measure_performance
from auditor.pipeline.model_facts.predictions import predict_split
from auditor.pipeline.model_facts.validity import POOR, checks_of_fit
from auditor.pipeline.pairs.generation import suited
from auditor.pipeline.provenance import data_facts, model_facts, peak_memory
from auditor.pipeline.stages import Report
from auditor.worker.sandbox import checks

LOOKED_AT = 2048
"""Samples of each split, evenly spaced, from which labels and pixels are judged."""
TIMED = 64
"""Training samples, evenly spaced, in the batch that is timed."""


def inspect(plan: Plan, report: Report) -> Inspection:
    """Open the model and, if the plan has data, bind it to them, telling ``report`` of each step.

    Raises:
        AuditError: as in an audit.
    """
    subject = None if plan.data is None else open_subject(plan, report)
    artefact = open_artefact(plan.model) if subject is None else subject.artefact
    backend, unknown = artefact.backend, NotMeasured(not_measured="give --data to find out")
    declared, facts = backend.input, backend.facts
    shape = ", ".join("any" if size is None else str(size) for size in declared.shape or ())
    cost = unknown if subject is None else _cost(subject)
    return Inspection(
        file=artefact.path.name,
        format=artefact.format,
        sha256=str(artefact.sha256),
        size_bytes=artefact.size_bytes,
        producer=facts.producer,
        versions=facts.versions if isinstance(facts.versions, NotMeasured) else dict(facts.versions),
        operators=facts.operators if isinstance(facts.operators, NotMeasured) else dict(facts.operators),
        declared_input=f"({shape}) {str(declared.dtype).removeprefix('torch.')}"
        if declared.shape is not None
        else "the file does not say",
        batch="any number" if declared.fixed_batch is None else f"exactly {declared.fixed_batch}",
        outputs=facts.outputs if isinstance(facts.outputs, NotMeasured) else list(facts.outputs),
        output=facts.output,
        runtime=backend.runtime,
        gradient=backend.gradient if subject is None else subject.classifier.gradient,
        embedding=backend.embedding,
        head=backend.head or "not known from the file",
        model=unknown if subject is None else model_facts(subject, plan.model.output),
        data=unknown if subject is None else data_facts(subject.dataset),
        normalisation=unknown if subject is None else _normalisation(subject),
        cost=cost,
        estimates=unknown if subject is None else _estimates(subject, cost, plan.generator),
        peak_memory_bytes=peak_memory(),
        validity=[*(artefact.checks if subject is None else [*subject.checks, *_fit(subject)]), *checks()],
    )


def _fit(subject: Subject) -> list[Validity]:
    """What an audit would say of labels and pixels before it measures anything, from a part of the samples."""
    classifier, dataset = subject.classifier, subject.dataset
    train, test = (
        predict_split(classifier, split.part(evenly_spaced(len(split), LOOKED_AT)), lambda *_: None, name)
        for name, split in (("train", dataset.train), ("test", dataset.test))
    )
    performance = measure_performance(test, dataset.class_names, rng=torch.Generator())
    return checks_of_fit(classifier, dataset, train, test, performance)


def _normalisation(subject: Subject) -> Normalisation:
    classifier, test = subject.classifier, subject.dataset.test
    if not len(test):
        return Normalisation(accuracy=NotMeasured(not_measured="there are no test samples"), tried={})
    rows = evenly_spaced(len(test), SAMPLES)
    right = int((classifier.predict(test.instances(rows)) == test.labels[rows]).sum())
    share = wilson(right, len(rows))
    accuracy = ACCURACY.measure(*share, n=len(rows))
    chance = 1 / classifier.num_classes
    poor = (share.value - chance) / (1 - chance) < POOR
    others = {way.options: found.value for way, found in tried(classifier, test)} if poor else {}
    return Normalisation(accuracy=accuracy, tried=others)


def _cost(subject: Subject) -> PassCost:
    classifier = subject.classifier
    train = subject.dataset.train
    x = train.instances(evenly_spaced(len(train), min(TIMED, classifier.batch_size)))
    return PassCost(
        batch=len(x), forward_seconds=forward_seconds(classifier, x), both_seconds=both_seconds(classifier, x)
    )


def _estimates(subject: Subject, cost: PassCost | NotMeasured, generator: str) -> dict[str, Estimate] | NotMeasured:
    if isinstance(cost, NotMeasured) or isinstance(cost.both_seconds, NotMeasured):
        return NotMeasured(not_measured="a search without gradients is not estimated")
    train, test = subject.dataset.train, subject.dataset.test
    classes = len(train.labels.unique())
    directions = classes * (classes - 1)
    found = {}
    for name, profile in PROFILES.items():
        name_of_generator, _ = suited(generator, subject.classifier, profile)
        spent = expected(profile, name_of_generator, directions, len(train) // classes, len(train) + len(test))
        duration = seconds(spent, directions, cost.forward_seconds, cost.both_seconds)
        shape, device = subject.classifier.instance_shape, subject.classifier.device.type
        memory = peak_memory() + expected_memory(profile, shape, len(train) // classes, device)
        found[name] = Estimate(
            pairs=directions // 2, forward=spent.forward, backward=spent.backward, seconds=duration, memory_bytes=memory
        )
    return found
