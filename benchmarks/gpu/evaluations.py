"""How often an audit asks the model, by stage, counted while it runs: ``python -m benchmarks.gpu evaluations``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from unittest import mock

from auditor.audit import run as audit
from auditor.audit.plan import Plan
from auditor.audit.subject import Subject, open_subject
from benchmarks.gpu.subjects import made, thin
from benchmarks.gpu.table import Bench, Row

PER_CLASS = 500
"""Training samples: more than the 400 that start a direction in the profile standard."""


def counted(plan: Plan) -> Counter[tuple[str, str]]:
    """Instances of an audit by stage, ``forward`` and ``backward``; a backward pass has its forward pass beside it."""
    counts, subjects = Counter[tuple[str, str]](), list[Subject]()
    state = {"stage": "model and data", "forward": 0, "backward": 0}

    def remembered(plan: Plan, report: audit.Report) -> Subject:
        subjects.append(open_subject(plan, report))
        return subjects[0]

    def report(stage: str, done: int, total: int, detail: str = "") -> None:
        for subject in subjects:
            spent = subject.classifier.spent
            for kind in ("forward", "backward"):
                counts[state["stage"], kind] += getattr(spent, kind) - state[kind]
                state[kind] = getattr(spent, kind)
        state["stage"] = stage

    with mock.patch.object(audit, "open_subject", remembered):
        audit.run(plan, report)
    report("", 1, 1)
    return counts


def section(bench: Bench) -> Iterator[Row]:
    """Those of 45 pairs at ``standard``, of a thin network on small images: they do not depend on the network's size.

    IDC asks until its interval is narrow, and retries depend on the model, so another model differs by some tens of
    per cent.
    """
    size, per_class = 8, 20 if bench.small else PER_CLASS
    folder = made(thin(), bench.folder / "thin", bench.device, size, per_class, 40 if bench.small else 6)
    pairs, profile = ("0:1", "quick") if bench.small else ("all", "standard")
    model = {"path": str(folder / "model.pt"), "device": str(bench.device), "trust_model": True}
    counts = counted(Plan(model=model, data={"data": str(folder / "data.npz")}, pairs=pairs, profile=profile))
    for stage in dict.fromkeys(stage for stage, _ in counts):
        forward, backward = counts[stage, "forward"], counts[stage, "backward"]
        if forward:
            yield Row(f"evaluations, {profile}, {pairs}: {stage}", f"{forward:,} forward, {backward:,} backward")
    total = {kind: sum(n for (_, what), n in counts.items() if what == kind) for kind in ("forward", "backward")}
    yield Row(f"evaluations, {profile}, {pairs}", f"{total['forward']:,} forward, {total['backward']:,} backward")
