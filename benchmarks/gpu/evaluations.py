"""How often an audit asks the model, by stage, counted while it runs: ``python -m benchmarks.gpu evaluations``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from auditor.documents.plan import Plan
from auditor.documents.results import Results
from auditor.models.classifier import Spent
from auditor.pipeline.model_and_data import Subject, open_subject
from auditor.pipeline.run import run
from auditor.pipeline.stages import Report, Stages
from benchmarks.gpu.subjects import made, thin
from benchmarks.gpu.table import Bench, Row

PER_CLASS = 500
"""Training samples: more than the 400 that start a direction in the profile standard."""
KINDS = ("forward", "backward")


def counted(plan: Plan) -> tuple[Counter[tuple[str, str]], Results]:
    """Instances of an audit by stage, ``forward`` and ``backward``, and its results.

    A backward pass has its forward pass beside it. What binding the model takes is in no stage's count.
    """
    counts, subjects, stage = Counter[tuple[str, str]](), list[Subject](), Stages.stage

    def remembered(plan: Plan, report: Report) -> Subject:
        subjects.append(open_subject(plan, report))
        return subjects[0]

    @contextmanager
    def counting(stages: Stages, name: str) -> Iterator[None]:
        spent = subjects[0].classifier.spent if subjects else Spent()
        before = {kind: getattr(spent, kind) for kind in KINDS}
        with stage(stages, name):
            yield
        for kind in KINDS:
            counts[name, kind] += getattr(spent, kind) - before[kind]

    with mock.patch.object(Stages, "stage", counting):
        results, _ = run(plan, lambda stage, done, total, detail="": None, opened=remembered)
    return counts, results


def section(bench: Bench) -> Iterator[Row]:
    """Those of 45 pairs at ``standard``, of a thin network on small images: they do not depend on the network's size.

    IDC asks until its interval is narrow, and retries depend on the model, so another model differs by some tens of
    per cent.
    """
    size, per_class = 8, 20 if bench.small else PER_CLASS
    folder = made(thin(), bench.folder / "thin", bench.device, size, per_class, 40 if bench.small else 6)
    pairs, profile = ("0:1", "quick") if bench.small else ("all", "standard")
    model = {"path": str(folder / "model.pt"), "device": str(bench.device), "trust_model": True}
    counts, results = counted(Plan(model=model, data={"data": str(folder / "data.npz")}, pairs=pairs, profile=profile))
    for stage in dict.fromkeys(stage for stage, _ in counts):
        forward, backward = counts[stage, "forward"], counts[stage, "backward"]
        if forward:
            yield Row(f"evaluations, {profile}, {pairs}: {stage}", f"{forward:,} forward, {backward:,} backward")
    cost = results.cost
    yield Row(f"evaluations, {profile}, {pairs}", f"{cost.forward:,} forward, {cost.backward:,} backward")
