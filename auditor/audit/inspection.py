"""A look at a model without an audit: what its file says, and how it fits the data if there are any."""

from __future__ import annotations

from auditor.audit.plan import Plan
from auditor.results import DataFacts, Document, ModelFacts, NotMeasured, Validity


class Inspection(Document):
    """What the tool sees.

    The first fields come from the file alone; ``model``, ``data`` and ``validity`` need data.
    """

    file: str
    format: str
    sha256: str
    size_bytes: int
    declared_input: str
    runtime: str
    gradient: str | NotMeasured
    embedding: str | NotMeasured
    head: str
    model: ModelFacts | NotMeasured
    data: DataFacts | NotMeasured
    validity: list[Validity]


def inspect(plan: Plan) -> Inspection:
    """Open the model and, if the plan has data, bind it to them.

    Raises:
        AuditError: as in an audit.
    """
    from auditor.audit.facts import data_facts, model_facts
    from auditor.audit.subject import open_artefact, open_subject

    subject = None if plan.data is None else open_subject(plan)
    artefact = open_artefact(plan.model) if subject is None else subject.artefact
    backend, unknown = artefact.backend, NotMeasured(not_measured="give --data to find out")
    declared = backend.input
    shape = ", ".join("any" if size is None else str(size) for size in declared.shape or ())
    batch = "any number" if declared.fixed_batch is None else f"exactly {declared.fixed_batch}"
    return Inspection(
        file=artefact.path.name,
        format=artefact.format,
        sha256=artefact.sha256,
        size_bytes=artefact.size_bytes,
        declared_input=f"{batch} of ({shape}) {str(declared.dtype).removeprefix('torch.')}"
        if declared.shape is not None
        else "the file does not say",
        runtime=backend.runtime,
        gradient=backend.gradient,
        embedding=backend.embedding,
        head=backend.head or "not known from the file",
        model=unknown if subject is None else model_facts(subject),
        data=unknown if subject is None else data_facts(subject.dataset),
        validity=[] if subject is None else subject.checks,
    )
