"""``inspect``: what the tool sees in a model, to standard output."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.audit.inspection import Inspection
from auditor.audit.messages import Inspected, Job
from auditor.audit.plan import Plan
from auditor.audit.process import Worker
from auditor.cli.terminal import printable
from auditor.results import DataFacts, ModelFacts, NotMeasured


def show_inspection(plan: Plan, *, verbose: bool) -> None:
    """Inspect in a worker process, as in an audit, and print.

    Raises:
        AuditError: as in an audit.
    """
    with Worker(Job(task="inspect", plan=plan), verbose=verbose) as worker:
        answer = worker.outcome(lambda _: None)
    assert isinstance(answer, Inspected)
    rows = list(inspection_rows(answer.inspection))
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        print(f"{name:<{width}}  {printable(text)}")


def inspection_rows(seen: Inspection) -> Iterator[tuple[str, str]]:
    """Name and text of each line."""
    yield "file", f"{seen.file}, {seen.size_bytes:,} bytes"
    yield "sha256", seen.sha256
    yield "format", seen.format
    yield "input", seen.declared_input
    yield "runtime", seen.runtime
    yield "gradient", _text(seen.gradient)
    yield "head", seen.head
    if isinstance(seen.model, ModelFacts):
        yield from _model_rows(seen.model)
    else:
        yield "embedding", _text(seen.embedding)
        yield "classes", _text(seen.model)
    if isinstance(seen.data, DataFacts):
        sizes = seen.data.splits
        yield "data", f"{seen.data.name}: {sizes.train:,} training and {sizes.test:,} test samples"
        yield (
            "class names",
            ", ".join(seen.data.class_names[:20]) + (", ..." if len(seen.data.class_names) > 20 else ""),
        )
        for note in seen.data.notes:
            yield "note", note
    for check in seen.validity:
        yield check.status, check.message


def _model_rows(model: ModelFacts) -> Iterator[tuple[str, str]]:
    if isinstance(model.embedding, NotMeasured):
        yield "embedding", _text(model.embedding)
    else:
        yield "embedding", f"{model.embedding.name}, width {model.embedding.size}"
    yield "classes", str(model.num_classes)
    yield "instances", f"({', '.join(map(str, model.input_shape))}), {model.preprocessing}"
    yield "output", model.output_kind
    if isinstance(model.parity, NotMeasured):
        yield "parity", _text(model.parity)
    else:
        p = model.parity
        yield "parity", f"largest difference {p.max_abs_diff:.2g}, same class on {p.agreement:.1%} of {p.n} samples"


def _text(fact: str | NotMeasured) -> str:
    return f"none: {fact.not_measured}" if isinstance(fact, NotMeasured) else fact
