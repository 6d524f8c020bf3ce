"""What is audited: the model file opened, the data in its shape, both bound into one classifier."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from auditor.class_names import CarriedNames
from auditor.datasets.base import DataRequest, Dataset
from auditor.datasets.geometry import Geometry
from auditor.datasets.load import load_dataset, match_classes
from auditor.documents.plan import DataPlan, ModelPlan, Plan
from auditor.documents.results import NotMeasured, Parity, Validity
from auditor.errors import InputRefused
from auditor.functional.statistics import evenly_spaced
from auditor.models.base import Backend, ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.classifier import Classifier
from auditor.models.gpu import unused_device
from auditor.models.open import open_file, open_model
from auditor.models.shape import instance_spec
from auditor.numbers.class_pairs import AUTO
from auditor.pipeline.process_settings import keep_freed_memory, threads_for, use_threads
from auditor.pipeline.stages import Report
from auditor.worker.sandbox import check_trust
from auditor.worker.sandbox.limits import DATA, MODEL, TRIAL

BINDING_SAMPLES, FEWEST, NUMBERS = 256, 64, 2**20
"""Most training samples, evenly spaced, on which the model is measured before the audit, and the fewest where these
hold more numbers than the last: there a network is large, and each sample costs."""


@dataclass(frozen=True)
class Artefact:
    """A model file, or an object in its place, opened.

    Args:
        path: of the file; what the object is called.
        format: name of its format.
        sha256, size_bytes: of its content, or of the object's parameters.
        backend: the file opened by its own runtime.
        threads: CPU threads that torch and the runtime use from now on.
        checks: what opening found out: ``device`` where a GPU is there and not used.
    """

    path: Path
    format: str
    sha256: str | NotMeasured
    size_bytes: int
    backend: Backend
    threads: int
    checks: list[Validity] = field(default_factory=list)


@dataclass(frozen=True)
class Subject:
    """A model and data that fit each other.

    Args:
        artefact: the model file.
        dataset: in the model's shape.
        classifier: pixels in, probabilities out.
        parity: agreement of the gradient route with the artefact's runtime, or why there is none.
        checks: what opening and binding found out.
    """

    artefact: Artefact
    dataset: Dataset
    classifier: Classifier
    parity: Parity | NotMeasured
    checks: list[Validity]


def open_artefact(plan: ModelPlan, pairs: int | None = 1) -> Artefact:
    """Open the model file, after its digest has been checked against the expected one.

    Args:
        pairs: class pairs that workers share the cores for, as in ``threads_for``.
    Raises:
        InputRefused: it is no model, or not the expected one.
    """
    with open_file(Path(plan.path)) as file:
        if plan.expect_sha256 and plan.expect_sha256.lower() != file.sha256:
            action = "get the right file, or correct --expect-sha256"
            raise InputRefused(f"SHA-256 {plan.expect_sha256.lower()}", f"{file.sha256} in {file.path.name}", action)
        check_trust(plan, file.format)
        threads = threads_for(file.size_bytes, pairs)
        use_threads(threads)
        keep_freed_memory()
        backend = open_model(file, model_options(plan, threads))
        file.check_unchanged()
    unused = unused_device(plan.device, backend)
    checks = [] if unused is None else [unused]
    return Artefact(file.path, file.format, file.sha256, file.size_bytes, backend, threads, checks)


def model_options(plan: ModelPlan, threads: int) -> ModelOptions:
    """The plan's model options as the model layer takes them."""
    return ModelOptions(
        device=plan.device,
        layout=plan.layout,
        mean=plan.mean,
        std=plan.std,
        channels=plan.channels,
        embedding=plan.embedding,
        output=plan.output,
        output_kind=plan.output_kind,
        trust_model=plan.trust_model,
        threads=threads,
    )


def open_subject(plan: Plan, report: Report) -> Subject:
    """Open the model, read the data in its shape, bind both.

    Args:
        plan: with data.
        report: told of each step, because each has a limit of its own.
    Raises:
        InputRefused: one of them cannot be used, or they do not fit.
    """
    assert plan.data is not None
    report(MODEL, 0, 1)
    artefact = open_artefact(plan.model, named_pairs(plan))
    for check in artefact.checks:  # now, not when the hours on the CPU are over
        report("computing on the CPU", 0, 1, check.message)
    options = model_options(plan.model, artefact.threads)
    request = data_request(plan.data, plan.seed, artefact.backend.class_names)
    report(DATA, 0, 1)
    dataset = load_dataset(request, instance_spec(artefact.backend.input, options.layout).shape)
    return joined(artefact, replace(dataset, notes=(*plan.data.notes, *dataset.notes)), options, request, report)


def named_pairs(plan: Plan) -> int | None:
    """How many class pairs the user named; None where that is left to the classes."""
    return None if plan.pairs.strip() in ("all", AUTO) else plan.pairs.count(",") + 1


def joined(
    artefact: Artefact, dataset: Dataset, options: ModelOptions, request: DataRequest, report: Report
) -> Subject:
    """Bind a model to data in its shape.

    Raises:
        InputRefused: they do not fit.
    """
    pixels = dataset.train.pixels
    samples = dataset.train.instances(evenly_spaced(len(pixels), binding_samples(pixels[:1].numel())))
    report(TRIAL, 0, 1)
    bound = bind(artefact.backend, samples, options)
    dataset = match_classes(dataset, bound.classifier.num_classes, request)
    return Subject(artefact, dataset, bound.classifier, bound.parity, [*artefact.checks, *bound.checks])


def binding_samples(numbers: int) -> int:
    """On how many samples a model is measured that takes instances of so many numbers.

    >>> [binding_samples(numbers) for numbers in (64, 3 * 32 * 32, 3 * 64 * 64, 3 * 224 * 224)]
    [256, 256, 85, 64]
    """
    return min(BINDING_SAMPLES, max(FEWEST, NUMBERS // max(1, numbers)))


def data_request(plan: DataPlan, seed: int, carried: CarriedNames | None = None) -> DataRequest:
    """The plan's data, and the names that the model carries, as the data layer takes them."""
    return DataRequest(
        data=plan.data,
        root=Path(plan.root),
        download=plan.download,
        class_names=plan.class_names,
        carried=carried or _beside(plan),
        seed=seed,
        max_skip=plan.max_skip,
        geometry=Geometry(plan.resize, plan.crop, plan.interpolation),
    )


def _beside(plan: DataPlan) -> CarriedNames | None:
    return CarriedNames(plan.carried_names, "the config.json beside the model") if plan.carried_names else None
