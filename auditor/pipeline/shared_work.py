"""What the first worker of an audit hands to its helpers, so that it is computed once: answers, search, networks.

Helpers open model and data themselves; both must be the first worker's.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from auditor.boundary.decision_search import DecisionSearch
from auditor.boundary.minimal_norm_attack import NearestSearch
from auditor.boundary.other_searches import Effort, NearestOf, RefinedSearch, SmoothedSearch
from auditor.datasets.base import Split
from auditor.documents.messages import SharedName as Name
from auditor.documents.plan import Plan
from auditor.documents.results import Document
from auditor.errors import AuditIncomplete
from auditor.functional.minimal_norm import AttackBudget
from auditor.functional.polar_search import PolarBudget
from auditor.models.determinism import ModelChanged, watched
from auditor.numbers.class_pairs import ClassPair, directions_of
from auditor.pipeline.model_and_data import Subject
from auditor.pipeline.model_facts.predictions import ANSWERS, Predictions
from auditor.pipeline.pairs.generation import GenerationSetup, choose_setup, configured, prepared
from auditor.pipeline.pairs.measuring import CharacteristicSuite, class_samples
from auditor.pipeline.pairs.shard import Work
from auditor.pipeline.stages import Stages
from auditor.worker.shared_file import read_shared, write_shared

MOST_BYTES = 1_000_000_000
"""Answers that take more than this are handed to nobody."""
_SEARCHES = {
    kind.__name__: kind
    for kind in (
        NearestSearch, DecisionSearch, RefinedSearch, SmoothedSearch, NearestOf, AttackBudget, PolarBudget, Effort,
    )
}  # fmt: skip


class Common(Document):
    """What all workers of an audit have in common beside arrays.

    Args:
        sha256, data: digests of the model and of the data.
        pairs: of the audit.
        shown, baselines: as in ``Work``.
        batch: instances for each call of the model.
        search: who looks for the nearest points.
    """

    sha256: str
    data: str
    pairs: list[tuple[int, int]]
    shown: int
    baselines: bool
    batch: int
    search: Any


def share_work(work: Work, pairs: list[ClassPair]) -> None:
    """Lay down for the helpers what the first worker has computed before any task."""
    common = Common(
        sha256=str(work.subject.artefact.sha256),
        data=str(work.subject.dataset.fingerprint),
        pairs=pairs,
        shown=work.shown,
        baselines=work.baselines,
        batch=work.subject.classifier.batching.size,
        search=_described(work.setup.search),
    )
    arrays = {
        f"{split}.{name}": values
        for split, of in work.answers.items()
        for name in ANSWERS
        if (values := getattr(of, name)) is not None
    }
    if (watch := watched(work.subject.classifier.backend)) is not None:
        arrays |= {f"first.{name}": values for name, values in watch.first.items()}
    _write("work", arrays, common.model_dump_json())


def shared_work(plan: Plan, subject: Subject) -> tuple[Work, list[ClassPair]]:
    """The work of the first worker, whose generator has not been prepared yet, and the pairs of the audit.

    Raises:
        AuditIncomplete: model or data are not the first worker's.
    """
    arrays, text = _read("work")
    common = Common.model_validate_json(text)
    if (common.sha256, common.data) != (str(subject.artefact.sha256), str(subject.dataset.fingerprint)):
        raise AuditIncomplete(
            "expected the model and the data with which the audit began; found others; audit files that do not change"
        )
    classifier = subject.classifier
    classifier.batching.size = common.batch
    if (watch := watched(classifier.backend)) is not None:
        watch.first = {name.removeprefix("first."): x for name, x in arrays.items() if name.startswith("first.")}
        with suppress(ModelChanged):  # the first task says so
            watch.check("its first answers to another worker")
    train, test = (_predictions(of, name, arrays) for of, name in (
        (subject.dataset.train, "train"), (subject.dataset.test, "test"),
    ))  # fmt: skip
    setup = choose_setup(classifier, configured(plan.generator, plan.settings), plan).with_search(_made(common.search))
    suite, samples = CharacteristicSuite.registered(plan.profile), class_samples(train, test)
    work = Work(plan, subject, train, test, samples, setup, suite, common.shown, common.baselines)
    return work, list(common.pairs)


def share_generator(setup: GenerationSetup) -> None:
    """Lay down for the helpers what the generator has learned from the audit as a whole."""
    learned = setup.generator.learned_arrays()
    _write("generator", learned or {}, "" if learned is None else "learned")


def with_shared_generator(work: Work, pairs: list[ClassPair], stages: Stages) -> Work:
    """The work with a generator that has learned what the first worker's has; some can only learn it anew."""
    arrays, text = _read("generator")
    if text:
        generator = work.setup.generator.with_learned(work.subject.classifier, arrays)
        return replace(work, setup=replace(work.setup, generator=generator))
    directions = directions_of(pairs)
    return replace(work, setup=prepared(work.setup, work.subject.classifier, work.train, directions, work.plan, stages))


def _predictions(split: Split, name: str, arrays: dict[str, Tensor]) -> Predictions:
    return Predictions(split, *(arrays.get(f"{name}.{answer}") for answer in ANSWERS))  # type: ignore[arg-type]


def _described(value: Any) -> Any:
    """A search and its settings as JSON has them."""
    if is_dataclass(value):
        return {"is": type(value).__name__} | {f.name: _described(getattr(value, f.name)) for f in fields(value)}
    return [_described(item) for item in value] if isinstance(value, tuple) else value


def _made(value: Any) -> Any:
    """The search that was described."""
    if isinstance(value, dict):
        return _SEARCHES[value["is"]](**{name: _made(of) for name, of in value.items() if name != "is"})
    return tuple(_made(item) for item in value) if isinstance(value, list) else value


def _write(name: Name, arrays: dict[str, Tensor], text: str) -> None:
    write_shared(name, {key: x.detach().cpu().numpy() for key, x in arrays.items()}, text)


def _read(name: Name) -> tuple[dict[str, Tensor], str]:
    arrays, text = read_shared(name)
    return {key: torch.from_numpy(x) for key, x in arrays.items()}, text
