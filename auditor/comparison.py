"""compare.json: two audits side by side, as a document. Plain numbers, like ``results``, whose parts it is made of."""

from __future__ import annotations

from typing import Literal

from auditor.results import (
    DataFacts,
    Definition,
    Document,
    Measure,
    Measured,
    ModelFacts,
    NotMeasured,
    Settings,
    ToolFacts,
    Validity,
)


class Compared(Document):
    """One number of two audits. ``difference`` is candidate less baseline.

    ``p`` says how probable so large a difference is by chance, corrected for the number of places that the measure
    has; ``change`` is ``unclear`` where that is 0.05 or more.
    """

    candidate: Measured
    baseline: Measured
    difference: Measured
    p: float | None
    change: Literal["worse", "better", "unclear", "not_measured"]


class ComparedDirection(Document):
    """Both audits from ``source`` to ``target``."""

    source: int
    target: int
    success_rate: Compared
    characteristics: dict[str, Compared]


class ComparedPair(Document):
    """Both audits of a pair; ``strength`` orders pairs, in standard deviations, larger for more fragile."""

    classes: tuple[int, int]
    names: tuple[str, str]
    strength: float
    directions: list[ComparedDirection]
    characteristics: dict[str, Compared]


class ComparedMean(Document):
    """Mean difference of a measure over its places, and in how many of them it got clearly worse or better."""

    difference: Measure
    worse: int
    better: int
    places: int


class ComparedClass(Document):
    """Accuracy on the test samples of one class."""

    index: int
    name: str
    accuracy: Compared


class ComparedConfusion(Document):
    """Test samples of class ``true`` predicted as ``predicted``, of ``n`` each; ``p`` by Fisher's test, corrected."""

    true: int
    predicted: int
    candidate: int
    candidate_n: int
    baseline: int
    baseline_n: int
    p: float
    change: Literal["new", "more", "fewer", "vanished", "unclear"]


class Side(Document):
    """Where one side of a comparison comes from."""

    tool: ToolFacts
    model: ModelFacts
    data: DataFacts
    settings: Settings
    gate: Literal["passed", "failed", "not_configured"]
    pairs: int


class KeptDirection(Document):
    """Where the baseline's boundary instances of one direction lie for the candidate.

    ``kept`` is the share that lies on its boundary between the same two classes; of the others it gives so many to
    the source class, the target class and to third classes.
    """

    source: int
    target: int
    kept: Measured
    to_source: int
    to_target: int
    to_third: int


class Comparison(Document):
    """The whole of compare.json: a candidate against a baseline, pair by pair. ``flags`` stand against the numbers.

    ``boundary_kept`` is there where both models were at hand: the candidate's file and the baseline's instances.
    """

    schema_version: Literal["2.0"]
    candidate: Side
    baseline: Side
    identical: bool
    flags: list[Validity]
    accuracy: Compared
    ece: Compared
    per_class: list[ComparedClass]
    confusions: list[ComparedConfusion]
    pairs: list[ComparedPair]
    ranked_by: str
    summary: dict[str, ComparedMean | NotMeasured]
    definitions: dict[str, Definition]
    boundary_kept: list[KeptDirection] | NotMeasured = NotMeasured(not_measured="no --model and --instances were given")
