"""The parts of the results that are no measurements: model, data, environment, host."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence

from auditor.datasets.base import Dataset
from auditor.documents.plan import Plan
from auditor.documents.results import (
    DataFacts,
    EmbeddingFact,
    ModelFacts,
    NotMeasured,
    Pair,
    Reading,
    Settings,
    Skipped,
    SplitSizes,
)
from auditor.engines.versions import environment as environment
from auditor.models.classifier import Classifier
from auditor.pipeline.model_and_data import Subject
from auditor.pipeline.pairs.generation import GenerationSetup
from auditor.pipeline.pairs.measuring import CharacteristicSuite
from auditor.worker.sandbox import in_force


def model_facts(subject: Subject, output: str | None) -> ModelFacts:
    """The artefact under audit; ``output`` is the name of the output that was asked for."""
    artefact, classifier = subject.artefact, subject.classifier
    backend = artefact.backend
    embedding: EmbeddingFact | NotMeasured
    if isinstance(classifier.embedding_size, NotMeasured):
        embedding = classifier.embedding_size
    else:
        assert not isinstance(backend.embedding, NotMeasured), backend.embedding
        embedding = EmbeddingFact(name=backend.embedding, size=classifier.embedding_size)
    return ModelFacts(
        file=artefact.path.name,
        format=artefact.format,
        sha256=artefact.sha256,
        size_bytes=artefact.size_bytes,
        num_classes=classifier.num_classes,
        input_shape=list(classifier.instance_shape),
        output_kind=classifier.output_kind,
        runtime=backend.runtime,
        gradient=classifier.gradient,
        parity=subject.parity,
        embedding=embedding,
        preprocessing=preprocessing_text(classifier, subject.dataset.prepared),
        reading=_reading(classifier, output),
    )


def _reading(classifier: Classifier, output: str | None) -> Reading:
    way = classifier.preprocessing
    mean, std = (None if numbers is None else list(numbers) for numbers in (way.mean, way.std))
    return Reading(layout=way.layout, channels="bgr" if way.bgr else "rgb", mean=mean, std=std, output=output)


def preprocessing_text(classifier: Classifier, sizes: str = "") -> str:
    """What happens to pixels in [0, 1] before the model sees them, in words; ``sizes`` is what became of those."""
    way = classifier.preprocessing
    if way.mean is None and way.std is None:
        scaled = "pixels in [0, 1] as they are"
    else:
        scaled = f"(pixels in [0, 1] - {_listed(way.mean or (0.0,))}) / {_listed(way.std or (1.0,))}"
    colours = "; blue first" if way.bgr else ""  # before the layout: channels in another order are another preparation
    return f"{scaled}{colours}{f'; {sizes}' if sizes else ''}; layout {way.layout}"


def data_facts(dataset: Dataset) -> DataFacts:
    """The data the audit ran on."""
    return DataFacts(
        name=dataset.name,
        fingerprint=dataset.fingerprint,
        class_names=list(dataset.class_names),
        splits=SplitSizes(train=len(dataset.train), test=len(dataset.test)),
        skipped=[Skipped(file=skipped.file, reason=skipped.reason) for skipped in dataset.skipped],
        notes=list(dataset.notes),
    )


def settings(
    plan: Plan, subject: Subject, setup: GenerationSetup, suite: CharacteristicSuite, pairs: Sequence[Pair]
) -> Settings:
    """What was asked for, and how each part was configured."""
    profile = plan.settings
    most = max((d.generation.requested for pair in pairs for d in pair.directions), default=0)
    return Settings(
        profile=profile.name,
        seed=plan.seed,
        device=str(subject.classifier.device),
        generator=setup.name,
        pairs=plan.pairs,
        samples_per_class=most if profile.samples_per_class is None else profile.samples_per_class,
        report_pairs=plan.report_pairs,
        command=plan.command,
        parameters={
            "profile": repr(profile),
            "threads": str(subject.artefact.threads),
            "sandbox": in_force(),
            **setup.parameters,
            **suite.parameters,
        },
    )


def host(subject: Subject) -> dict[str, str]:
    """The machine, without its name."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu_cores": str(os.cpu_count() or 1),
        "threads": str(subject.artefact.threads),
        "device": str(subject.classifier.device),
    }


def peak_memory() -> int:
    """Most memory that this process held, in bytes; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _listed(numbers: tuple[float, ...]) -> str:
    return f"{numbers[0]:g}" if len(numbers) == 1 else "(" + ", ".join(f"{n:g}" for n in numbers) + ")"
