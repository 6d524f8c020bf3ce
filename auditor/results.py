"""results.json: every number of an audit, as plain typed values.

What goes in: numbers from the worker. What comes out: one document, ``Results``, that the gate decides
on and the report is drawn from, without the model and without torch. The shapes are a closed set
(``Measure``, ``NotMeasured``, the kinds of ``Series``, ``SampleGrid``), so a new characteristic needs no
edit here or in any template. NaN and Infinity are refused; failure is ``NotMeasured`` with its reason.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Final = "1.0"


class Document(BaseModel):
    """Base of every part of the document: immutable, no unknown keys, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measure(Document):
    """One measured number with its evidence: ``value`` in ``unit``, 95 % interval, ``n`` observations.

    ``direction`` says in words how to read it, such as ``"lower is simpler"`` or ``"higher is safer"``.
    """

    value: float
    ci_low: float
    ci_high: float
    n: int
    unit: str
    direction: str


class NotMeasured(Document):
    """A number that could not be measured, and why."""

    not_measured: str


Measured = Measure | NotMeasured


def harm(direction: str, value: float) -> float:
    """How unfavourable a value is, larger for worse, by a measure's ``direction`` in words.

    ``higher is ...`` counts low values as harm, ``lower is ...`` high ones, ``near 0.5 is ...`` the distance from 0.5.
    """
    words = direction.split()
    if words[:1] == ["higher"]:
        return -value
    if words[:1] == ["near"] and len(words) > 1:
        return abs(value - float(words[1]))
    return value


class Definition(Document):
    """What a measure means; kept in the document so that the report can explain any characteristic.

    ``scope`` is ``"direction"`` (one value for s to t, one for t to s) or ``"pair"``. ``headline`` marks
    the measures that maps and rankings show; the others appear in the tables only.
    """

    title: str
    unit: str
    direction: str
    bounds: tuple[float | None, float | None]
    scope: Literal["direction", "pair"]
    headline: bool
    formula: str
    text: str
    source: str


# ---- the series behind the figures ----------------------------------------------------------------


class Group(Document):
    """One named sample of numbers; ``role`` fixes its colour: source class, target class or neutral."""

    label: str
    role: Literal["source", "target", "boundary", "neutral"]
    values: list[float]


class DistributionSeries(Document):
    """Samples on one axis: margins of a direction by several methods, for example."""

    kind: Literal["distribution"] = "distribution"
    title: str
    unit: str
    groups: list[Group]


class StripSeries(Document):
    """Predicted class along paths: one row of class indices (-1 never occurs) for each path."""

    kind: Literal["strips"] = "strips"
    title: str
    x_label: str
    rows: list[list[int]]


class ScatterGroup(Document):
    """Points of one role in a projection."""

    label: str
    role: Literal["train_source", "train_target", "boundary"]
    points: list[tuple[float, float]]


class ScatterSeries(Document):
    """A two-dimensional projection with an optional straight line (two end points)."""

    kind: Literal["scatter"] = "scatter"
    title: str
    x_label: str
    y_label: str
    groups: list[ScatterGroup]
    line: list[tuple[float, float]] | None


Series = Annotated[DistributionSeries | StripSeries | ScatterSeries, Field(discriminator="kind")]


class ClassProbability(Document):
    """One of the classes that the model gives an instance, by index, with its probability."""

    index: int
    probability: float


class SampleCell(Document):
    """One image of a grid: PNG as base64, pixels exactly as audited, and the model's top two classes.

    ``top`` is empty for the difference image, whose PNG maps -1..1 to a grey level 0..255 (128 is zero).
    """

    role: Literal["source", "adversarial", "adversarial_of_adversarial", "boundary", "difference"]
    png: str
    top: list[ClassProbability]


class SampleRow(Document):
    """One instance: why it was chosen, its distance to its source (L2), its images in order."""

    label: Literal["typical", "nearest", "farthest", "strangest"]
    distance: float
    cells: list[SampleCell]


class SampleGrid(Document):
    """The sample images of one direction; ``height`` and ``width`` are those of one image in pixels."""

    height: int
    width: int
    rows: list[SampleRow]


# ---- model, data, settings ------------------------------------------------------------------------


class ToolFacts(Document):
    """The program that wrote the document."""

    name: str
    version: str


class Parity(Document):
    """Agreement between the gradient route and the artefact's own runtime on real samples."""

    max_abs_diff: float
    agreement: float
    n: int


class EmbeddingFact(Document):
    """The tensor used as embedding: its name in the model and its width E."""

    name: str
    size: int


class ModelFacts(Document):
    """The artefact under audit. ``gradient`` says which route supplies gradients."""

    file: str
    format: str
    sha256: str
    size_bytes: int
    num_classes: int
    input_shape: list[int]
    output_kind: Literal["logits", "probabilities", "sigmoid"]
    runtime: str
    gradient: str | NotMeasured
    parity: Parity | NotMeasured
    embedding: EmbeddingFact | NotMeasured
    preprocessing: str


class Skipped(Document):
    """A file that could not be read, and why."""

    file: str
    reason: str


class SplitSizes(Document):
    """Number of samples in each split."""

    train: int
    test: int


class DataFacts(Document):
    """The data the audit ran on; ``notes`` say how samples were resized and split."""

    name: str
    fingerprint: str
    class_names: list[str]
    splits: SplitSizes
    skipped: list[Skipped]
    notes: list[str]


class Settings(Document):
    """What was asked for; ``generator`` is the one that made the instances.

    ``parameters`` holds the repr of every configured part, by role, and the generator asked for where that is another.
    """

    profile: str
    seed: int
    device: str
    generator: str
    pairs: str
    samples_per_class: int
    report_pairs: int
    command: str
    parameters: dict[str, str]


class Validity(Document):
    """A check made before any number is believed."""

    id: str
    status: Literal["ok", "warn", "fail"]
    message: str


# ---- performance ----------------------------------------------------------------------------------


class ClassAccuracy(Document):
    """Accuracy on the test samples of one class."""

    index: int
    name: str
    accuracy: Measured


class ReliabilityBin(Document):
    """Test samples whose confidence lies in [low, high): mean confidence, accuracy, count."""

    low: float
    high: float
    confidence: float | None
    accuracy: float | None
    n: int


class Performance(Document):
    """How good the model is on the test split, as its own runtime predicts.

    ``confusion[i][j]`` counts samples of class i predicted as j.
    """

    accuracy: Measured
    per_class: list[ClassAccuracy]
    confusion: list[list[int]]
    ece: Measured
    reliability: list[ReliabilityBin]


# ---- boundary -------------------------------------------------------------------------------------


class Generation(Document):
    """Counts of one generator in one direction, in the order of its components.

    ``third_class`` counts first bisections lost to each third class (key: class index as text; a second
    try may still have reached the boundary), ``failures`` every instance that did not become one, by reason.
    ``jumps`` counts the boundary instances in which the two classes do not tie: the model's answer jumps from one to
    the other between two neighbouring points, as it does with trees and whole-number arithmetic. For
    RPBS and EPBS the adversarial counts equal the number of starting pairs.
    """

    requested: int
    adversarial: int
    adversarial_of_adversarial: int
    boundary: int
    jumps: int = 0
    success_rate: Measured
    mean_bisection_steps: float | NotMeasured
    max_probability_gap: float | NotMeasured
    third_class: dict[str, int]
    failures: dict[str, int]


class Baseline(Document):
    """RPBS or EPBS in one direction, measured like DeepDIG."""

    generation: Generation
    characteristics: dict[str, Measured]


class Direction(Document):
    """Boundary from ``source`` to ``target``: what was generated and what was measured on it."""

    source: int
    target: int
    generation: Generation
    baselines: dict[str, Baseline | NotMeasured]
    characteristics: dict[str, Measured]
    series: dict[str, Series]
    samples: SampleGrid | NotMeasured


class Pair(Document):
    """Two classes, both directions, and the measures that need both."""

    classes: tuple[int, int]
    names: tuple[str, str]
    directions: list[Direction]
    characteristics: dict[str, Measured]


class Worst(Document):
    """The pair or direction where a characteristic is at its least favourable."""

    classes: tuple[int, int]
    value: float


class SummaryMeasure(Document):
    """A characteristic over all directions (or pairs): mean, 95 % interval, the worst place."""

    mean: float
    ci_low: float
    ci_high: float
    worst: Worst


class Summary(Document):
    """Over all pairs. ``ranking`` lists pairs from most to least fragile by ``ranked_by``."""

    characteristics: dict[str, SummaryMeasure | NotMeasured]
    ranking: list[tuple[int, int]]
    ranked_by: str


class Rule(Document):
    """One rule of the gate and how it came out.

    ``observed`` and ``threshold`` say it in words; the numbers behind them are ``value`` with its interval and
    ``limit``, in ``unit``, at the place ``classes`` (a direction, a pair, a class; empty for the model as a whole).
    """

    id: str
    status: Literal["pass", "warn", "fail", "not_measured"]
    observed: str
    threshold: str
    message: str
    severity: Literal["warn", "fail"] = "fail"
    measure: str = ""
    classes: list[int] = []
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    limit: float | None = None
    unit: str = ""


class Gate(Document):
    """The decision, and the rules it rests on."""

    status: Literal["passed", "failed", "not_configured"]
    rules: list[Rule]


class Coverage(Document):
    """Which class pairs were asked for, how they were chosen, and which were audited.

    ``possible`` counts the pairs of all classes that have samples. ``errors_covered`` is the share of the model's
    errors on the test split that confuse an audited pair. ``missing`` lists pairs asked for that were not audited, and
    ``reason`` says why; an audit with missing pairs, or without any pair, is partial.
    """

    possible: int
    requested: int
    audited: int
    chosen: str
    errors_covered: Measured
    missing: list[tuple[int, int]] = []
    reason: str = ""

    @property
    def partial(self) -> bool:
        """Whether something that was asked for is missing; an audit of no pair at all is always so."""
        return bool(self.missing) or not self.audited


class Cost(Document):
    """Model evaluations spent, counted in instances."""

    forward: int
    backward: int


class Results(Document):
    """The whole of results.json."""

    schema_version: Literal["1.0"]
    tool: ToolFacts
    model: ModelFacts
    data: DataFacts
    settings: Settings
    environment: dict[str, str]
    validity: list[Validity]
    performance: Performance
    coverage: Coverage
    pairs: list[Pair]
    summary: Summary
    definitions: dict[str, Definition]
    cost: Cost
    gate: Gate


class RunFacts(Document):
    """run.json: what differs from run to run, kept out of results.json so that it is reproducible.

    Times are those of this run, without what an interrupted one spent on the ``pairs_taken_over`` from it.
    """

    schema_version: Literal["1.0"]
    started: str
    duration_seconds: float
    stages: dict[str, float]
    host: dict[str, str]
    peak_memory_bytes: int
    cost: Cost
    pairs_taken_over: int = 0


def to_json(document: Document) -> str:
    """The document as JSON text: sorted by the model's own order, no NaN, ends with a newline."""
    return json.dumps(document.model_dump(mode="json"), allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def from_json(text: str | bytes) -> Results:
    """Read results.json back.

    Raises:
        pydantic.ValidationError: the text is not a results document of this version.
    """
    return Results.model_validate_json(text)


def json_schema() -> dict[str, Any]:
    """JSON Schema of results.json; the copy shipped as ``results.schema.json`` is this one."""
    return Results.model_json_schema()
