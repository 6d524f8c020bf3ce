"""What ``inspect`` says of a model: one document, printed as text or as JSON."""

from __future__ import annotations

from pydantic import Field

from auditor.documents.results import DataFacts, Document, Measure, ModelFacts, NotMeasured, Validity


class Normalisation(Document):
    """Accuracy on a part of the test samples, as the pixels are given and, where it is poor, prepared otherwise.

    ``tried`` gives the accuracy by the options that prepare the pixels so, best first; empty where accuracy is good.
    """

    accuracy: Measure | NotMeasured
    tried: dict[str, float]


class PassCost(Document):
    """Measured seconds for each instance in a batch of ``batch``; ``both`` is forward and backward together."""

    batch: int
    forward_seconds: float
    both_seconds: float | NotMeasured


class Estimate(Document):
    """What an audit of all pairs would take in a profile.

    ``auditor.pipeline.inspect.estimate`` says how far off it may be; ``memory_bytes`` is what the worker would hold at
    most.
    """

    pairs: int
    forward: int
    backward: int
    seconds: float
    memory_bytes: int


class Inspection(Document):
    """What the tool sees; ``--json`` prints this document. Two runs differ in seconds and memory alone.

    What comes before ``model`` is from the file alone; ``model`` and all behind it need data. ``operators`` counts
    them by name, ``outputs`` lists all outputs, and ``output`` says which one holds the scores, and why.
    ``estimates`` is by profile; ``peak_memory_bytes`` is what the process held at most.
    """

    file: str
    format: str
    sha256: str
    size_bytes: int
    producer: str | NotMeasured
    # A dictionary of texts would take the reason for one of its entries.
    versions: NotMeasured | dict[str, str] = Field(union_mode="left_to_right")
    operators: dict[str, int] | NotMeasured
    declared_input: str
    batch: str
    outputs: list[str] | NotMeasured
    output: str | NotMeasured
    runtime: str
    gradient: str | NotMeasured
    embedding: str | NotMeasured
    head: str
    model: ModelFacts | NotMeasured
    data: DataFacts | NotMeasured
    normalisation: Normalisation | NotMeasured
    cost: PassCost | NotMeasured
    estimates: dict[str, Estimate] | NotMeasured
    peak_memory_bytes: int
    validity: list[Validity]
