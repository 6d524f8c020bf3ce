"""results.json: every number of an audit, as plain typed values.

What goes in: numbers from the worker. What comes out: one document, ``Results``, that the gate decides
on and the report is drawn from, without the model and without torch. The shapes are a closed set
(``Measure``, ``NotMeasured``, the kinds of ``Series``, ``SampleGrid``), so a new characteristic needs no
edit here or in any template. NaN and Infinity are refused; failure is ``NotMeasured`` with its reason.
"""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from auditor.text import json_text

SCHEMA_VERSION: Final = "2.0"


class Document(BaseModel):
    """Base of every part of the document: immutable, no unknown keys, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measure(Document):
    """One measured number with its evidence: ``value`` in ``unit``, 95 % interval, ``n`` observations.

    An end that is null is open: so few observations say nothing about that side. Where both are, the number has no
    interval. ``direction`` says in words how to read it, such as ``"lower is simpler"`` or ``"higher is safer"``, or
    ``"neither is better"``.
    """

    value: float
    ci_low: float | None
    ci_high: float | None
    n: int
    unit: str
    direction: str

    @property
    def low(self) -> float:
        """The lower end of the interval, minus infinity where it is open."""
        return -math.inf if self.ci_low is None else self.ci_low

    @property
    def high(self) -> float:
        """The upper end of the interval, infinity where it is open."""
        return math.inf if self.ci_high is None else self.ci_high


class NotMeasured(Document):
    """A number that could not be measured, and why."""

    not_measured: str


Measured = Measure | NotMeasured


NEUTRAL: Final = "neither is better"
"""Direction of a measure whose size is no merit and no fault: it has no worst place and no verdict."""


def is_neutral(direction: str) -> bool:
    """Whether neither end of a measure that reads so is better."""
    return direction == NEUTRAL


def harm(direction: str, value: float) -> float:
    """How unfavourable a value is, larger for worse, by a measure's ``direction`` in words.

    ``higher is ...`` counts low values as harm, ``lower is ...`` high ones, ``near 0.5 is ...`` the distance from 0.5;
    where neither is better, no value is worse than another.
    """
    if is_neutral(direction):
        return 0.0
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


class Reading(Document):
    """How the model was read: order of its axes and colours, ``(x - mean) / std``, the output asked for by name.

    Null stands for what nobody asked for: nothing subtracted, nothing divided by, the output found in the file.
    """

    layout: Literal["nchw", "nhwc", "nhw", "flat"]
    channels: Literal["rgb", "bgr"]
    mean: list[float] | None
    std: list[float] | None
    output: str | None


class ModelFacts(Document):
    """The artefact under audit. ``gradient`` says which route supplies gradients.

    ``preprocessing`` says in words what ``reading`` says in numbers; results of older versions lack that.
    """

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
    reading: Reading | None = None


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

    ``confusion[i][j]`` counts samples of class i predicted as j. ``ece`` is without the bias that chance gives it;
    ``calibration`` is the probability that a perfectly calibrated model shows as large a calibration error.
    """

    accuracy: Measured
    per_class: list[ClassAccuracy]
    confusion: list[list[int]]
    ece: Measured
    calibration: Measured
    reliability: list[ReliabilityBin]


# ---- samples ------------------------------------------------------------------------------------


class SampleTable(Document):
    """Samples of one split, column by column: entry i of every list belongs to one sample.

    ``index`` is the place in the split, from 0; ``file`` the path below the data folder, empty for data that are no
    folder. ``p_label`` is the probability of the label, ``logit_margin`` the logit of the label less the largest of
    the others, ``runner_up`` the likeliest class other than the label. These are null where the output is not finite.
    """

    index: list[int]
    file: list[str]
    label: list[int]
    predicted: list[int | None]
    p_label: list[float | None]
    logit_margin: list[float | None]
    runner_up: list[int | None]


class Samples(Document):
    """What the model says of single samples: the whole test split, and of the training split those that matter.

    Those are the samples that a direction started from, that the model gets wrong, or that a measure flags.
    """

    test: SampleTable
    train: SampleTable


class Sources(Document):
    """Samples that a direction started from, by their place in the split."""

    split: Literal["train", "test"]
    index: list[int]


class Margins(Document):
    """Distance of single samples to the nearest point found that the model puts in the target class.

    Entry i of each list belongs to sample ``index[i]`` of the split. 0: the model does not put the sample in its own
    class to begin with. Null: nothing was found, and it was looked as far as ``tried_l2`` or ``tried_linf`` at least.
    ``method`` is the route that found them.
    """

    index: list[int]
    l2: list[float | None]
    linf: list[float | None]
    tried_l2: float | None
    tried_linf: float | None
    method: str


class Flagged(Document):
    """Samples of the direction's source class that a measure points at, by their place in the split."""

    flag: str
    split: Literal["train", "test"]
    index: list[int]


# ---- boundary -------------------------------------------------------------------------------------


class Generation(Document):
    """Counts of one generator in one direction, in the order of its components.

    ``third_class`` counts first bisections lost to each third class (key: class index as text; a second
    try may still have reached the boundary), ``failures`` every instance that did not become one, by reason.
    ``jumps`` counts the boundary instances in which the two classes do not tie: the model's answer jumps from one to
    the other between two neighbouring points, as it does with trees and whole-number arithmetic. ``rescued`` counts
    instances that the generator reached only by other means than its first, by these means. For
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
    rescued: dict[str, int] = {}


class Baseline(Document):
    """RPBS or EPBS in one direction, measured like DeepDIG."""

    generation: Generation
    characteristics: dict[str, Measured]


class Direction(Document):
    """Boundary from ``source`` to ``target``: what was generated and what was measured on it.

    ``sources`` are the samples that the generator was given; ``margins`` those of single samples, by split.
    ``by_generator`` gives a measure on the instances of each of several generators, which were trained apart on parts
    of the sources; the intervals of these measures allow for their spread.
    """

    source: int
    target: int
    sources: Sources
    margins: dict[Literal["test", "train"], Margins]
    flagged: list[Flagged]
    generation: Generation
    baselines: dict[str, Baseline | NotMeasured]
    characteristics: dict[str, Measured]
    by_generator: dict[str, list[float]] = {}
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
    """A characteristic over all audited directions (or pairs): mean, 95 % interval, the worst place.

    The interval is about the mean over these very pairs, whatever other pairs there are. ``worst`` is null for a
    measure of which neither end is better.
    """

    mean: float
    ci_low: float | None
    ci_high: float | None
    worst: Worst | None


class Summary(Document):
    """Over all pairs. ``ranking`` lists pairs from most to least fragile by ``ranked_by``."""

    characteristics: dict[str, SummaryMeasure | NotMeasured]
    ranking: list[tuple[int, int]]
    ranked_by: str


class Waiver(Document):
    """Why a rule that does not hold is accepted all the same, up to and including the day ``until`` (ISO 8601).

    ``place`` is the one place that it is about, in the notation of a policy; empty where it is about the whole rule.
    """

    reason: str
    until: str
    place: str = ""


class Rule(Document):
    """One rule of the gate and how it came out.

    ``observed`` and ``threshold`` say it in words; the numbers behind them are ``value`` with its interval and
    ``limit``, in ``unit``, at the place ``classes`` (a direction, a pair, a class; empty for the model as a whole).
    An end that is null is open. Where the limit lies inside the interval, about ``needed_n`` samples would decide;
    null where the rule is decided or no number of samples is known to. A rule that is ``waived`` does not hold; by its
    ``waiver`` in the policy the gate does not fail for that.
    """

    id: str
    status: Literal["pass", "warn", "fail", "not_measured", "waived"]
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
    needed_n: int | None = None
    waiver: Waiver | None = None


class Gate(Document):
    """The decision, and the rules it rests on.

    Of the rules ``holds`` hold with their whole interval, ``undecided`` cannot be decided with this many samples (the
    limit lies inside the interval) and ``failed`` fail or were not measured; ``waived`` would be among these but for a
    waiver in the policy; what is left only warns. Of ``beyond`` rules the observed value lies beyond the limit although
    the interval does not as a whole.
    """

    status: Literal["passed", "failed", "not_configured"]
    rules: list[Rule]
    holds: int = 0
    undecided: int = 0
    beyond: int = 0
    failed: int = 0
    waived: int = 0


class Coverage(Document):
    """Which class pairs were asked for, how they were chosen, and which were audited.

    ``possible`` counts the pairs of all classes that have samples. ``errors_covered`` is the share of the model's
    errors on the test split that confuse an audited pair. ``missing`` lists pairs asked for that were not audited, and
    ``reason`` says why; an audit with missing pairs, or without any pair, is partial. ``empty`` lists directions of
    audited pairs in which no boundary instance was found: the audit says nothing of the boundary there.
    """

    possible: int
    requested: int
    audited: int
    chosen: str
    errors_covered: Measured
    missing: list[tuple[int, int]] = []
    empty: list[tuple[int, int]] = []
    reason: str = ""

    @property
    def partial(self) -> bool:
        """Whether something that was asked for is missing; an audit of no pair at all is always so."""
        return bool(self.missing) or not self.audited


class Cost(Document):
    """Model evaluations spent, counted in instances."""

    forward: int
    backward: int


class Provenance(Document):
    """Where the numbers come from: pairs of which an interrupted run finished something that this run took over."""

    taken_over: list[tuple[int, int]] = []


class Results(Document):
    """The whole of results.json."""

    schema_version: Literal["2.0"]
    tool: ToolFacts
    model: ModelFacts
    data: DataFacts
    settings: Settings
    environment: dict[str, str]
    validity: list[Validity]
    performance: Performance
    samples: Samples
    coverage: Coverage
    pairs: list[Pair]
    summary: Summary
    definitions: dict[str, Definition]
    cost: Cost
    gate: Gate
    provenance: Provenance = Provenance()

    @property
    def rules_apart(self) -> list[Rule]:
        """Rules of the gate that say something else than a validity check does."""
        said = {(f"validity.{check.id}", check.status, check.message) for check in self.validity}
        return [rule for rule in self.gate.rules if (rule.id, rule.status, rule.message) not in said]


def forecast(needed: int) -> str:
    """A number of samples that would decide a rule, no more precise than such a forecast is.

    >>> forecast(341), forecast(12_345_678)
    ('About 350 samples', 'More than a million samples')
    """
    if needed > 1_000_000:
        return "More than a million samples"
    step = 5 * 10 ** max(0, len(str(needed)) - 2)
    return f"About {math.ceil(needed / step) * step if needed >= 100 else needed:,} samples"


class RunFacts(Document):
    """run.json: what differs from run to run, kept out of results.json so that it is reproducible.

    Times are those of this run, without what an interrupted one spent on the ``pairs_taken_over`` from it.
    ``command`` is the command as it was given, ``model_path`` the model's place in its repository (or below the working
    folder), with ``/``; empty in those of older versions.
    """

    schema_version: Literal["2.0"]
    started: str
    duration_seconds: float
    stages: dict[str, float]
    host: dict[str, str]
    peak_memory_bytes: int
    cost: Cost
    pairs_taken_over: int = 0
    command: str = ""
    model_path: str = ""


def to_json(document: Document) -> str:
    """The document as JSON text: sorted by the model's own order, no NaN, ends with a newline."""
    return json_text(json.dumps(document.model_dump(mode="json"), allow_nan=False, ensure_ascii=False, indent=1)) + "\n"


def from_json(text: str | bytes) -> Results:
    """Read results.json back.

    Raises:
        pydantic.ValidationError: the text is not a results document of this version.
    """
    return Results.model_validate_json(text)


def json_schema() -> dict[str, Any]:
    """JSON Schema of results.json; the copy shipped as ``results.schema.json`` is this one."""
    return Results.model_json_schema()
