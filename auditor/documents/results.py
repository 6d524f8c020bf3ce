"""results.json: every number of an audit, as plain typed values.

What goes in: numbers from the worker. What comes out: one document, ``Results``, that the gate decides
on and the report is drawn from, without the model and without torch. The shapes are a closed set
(``Measure``, ``NotMeasured``, the kinds of ``Series``, ``SampleGrid``), so a new characteristic needs no
edit here or in any template. NaN and Infinity are refused; failure is ``NotMeasured`` with its reason.

The text below a field is its description in ``results.schema.json`` and in ``docs/results.md``.
"""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from auditor.numbers.intervals import Interval
from auditor.untrusted_text import json_text

SCHEMA_VERSION: Final = "3.0"
WITHOUT_SPLIT: Final = "The data came without a split"
"""How the note begins that tells that the tool itself drew the test samples."""


class Document(BaseModel):
    """Base of every part of the document: immutable, no unknown keys, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


# ---- numbers and what they mean -------------------------------------------------------------------

Scale = Literal["share", "rate", "distance", "ratio", "number"]
"""What kind of number a measure is: a ``share`` of a whole and a ``rate``, a share that is mostly near 0, lie between 0
and 1 and print in per cent; a ``distance`` and a ``ratio`` are 0 or more and compare by factors; ``number`` is any
other."""
Better = Literal["lower", "higher", "near", "none"]
OF_WHOLES: Final = ("share", "rate")
Bounds = tuple[float | None, float | None]


class Measure(Document):
    """One measured number with its evidence."""

    value: float
    """The number, in ``unit``."""
    ci_low: float | None
    """Lower end of the 95 % interval, in ``unit``. Null: open, so few observations say nothing about that side; where
    both ends are open, the number has no interval."""
    ci_high: float | None
    """Upper end of the 95 % interval, in ``unit``; null as for ``ci_low``."""
    n: int
    """How many observations the number rests on, at least 1."""
    unit: str
    """What the number counts or is measured in, for readers: ``share of steps``."""
    scale: Scale
    """What kind of number it is: a ``share`` of a whole and a ``rate``, a share mostly near 0, lie between 0 and 1 and
    print in per cent; a ``distance`` and a ``ratio`` are 0 or more; ``number`` is any other."""

    @property
    def low(self) -> float:
        """The lower end of the interval, minus infinity where it is open."""
        return -math.inf if self.ci_low is None else self.ci_low

    @property
    def high(self) -> float:
        """The upper end of the interval, infinity where it is open."""
        return math.inf if self.ci_high is None else self.ci_high

    @property
    def interval(self) -> Interval:
        """The number with its interval, infinite where that is open."""
        return Interval(self.value, self.low, self.high)

    @field_validator("ci_low", "ci_high", mode="before")
    @classmethod
    def _open(cls, end: object) -> object:
        return None if end in (-math.inf, math.inf) else end


class NotMeasured(Document):
    """A number that could not be measured."""

    not_measured: str
    """Why, in words."""


Measured = Measure | NotMeasured


class Meaning(Document):
    """How to read a number: what decides (``scale``, ``better``, ``ideal``, ``bounds``), and what readers are told.

    Raises:
        pydantic.ValidationError: a word of ``scale`` or ``better`` is unknown, or ``ideal`` is there without ``near``.
    """

    unit: str
    """What the number counts or is measured in, for readers: ``share of steps``."""
    scale: Scale
    """What kind of number it is: ``share``, ``rate``, ``distance``, ``ratio`` or ``number``, as in a measure."""
    better: Better
    """Which values are better: ``lower``, ``higher``, those ``near`` the ideal, or ``none``: then it has no worst place
    and no verdict."""
    ideal: float | None = None
    """The best value, in ``unit``, where those ``near`` it are better; null otherwise."""
    reading: str
    """The same for readers: ``lower is simpler``."""
    bounds: Bounds = (None, None)
    """Least and greatest possible value, in ``unit``; null where there is none."""

    @model_validator(mode="after")
    def _ideal_with_near(self) -> Self:
        if (self.ideal is None) == (self.better == "near"):
            raise ValueError(
                f"expected an ideal with better 'near' and with no other; found better {self.better!r}, "
                f"ideal {self.ideal}; give the best value, or leave it out"
            )
        return self

    def badness(self, value: float) -> float:
        """How unfavourable a value is, larger for worse; where neither end is better, all are alike.

        >>> Meaning(unit="", scale="share", better="near", ideal=0.5, reading="near 0.5 is simpler").badness(0.25)
        0.25
        """
        if self.ideal is not None:
            return abs(value - self.ideal)
        return {"lower": value, "higher": -value}.get(self.better, 0.0)

    def measure(self, value: float, ci_low: float | None, ci_high: float | None, n: int) -> Measure:
        """A number that is read so."""
        return Measure(value=value, ci_low=ci_low, ci_high=ci_high, n=n, unit=self.unit, scale=self.scale)


def _of(whole: str, better: Better = "higher", reading: str = "higher is better") -> Meaning:
    unit = f"share of {whole}" if whole else "share"
    return Meaning(unit=unit, scale="share", better=better, reading=reading, bounds=(0.0, 1.0))


ACCURACY: Final = _of("test samples")
CALIBRATION_ERROR: Final = _of("", "lower", "lower is better")
CALIBRATION: Final = Meaning(
    unit="probability (p) under perfect calibration", scale="number", better="none", reading="neither is better",
    bounds=(0.0, 1.0),
)  # fmt: skip
SUCCESS_RATE: Final = _of("sources")
ERRORS_COVERED: Final = _of("test errors", reading="higher is more complete")
KEPT: Final = _of("the baseline's boundary instances", reading="higher is more alike")
ASYMMETRIES: Final = {"asymmetry_margin": "margin_l2_attack", "asymmetry_idc": "idc"}
"""Measures of a pair that are the relative difference of a measure of its directions, and that measure."""


class Definition(Meaning):
    """What a measure means; kept in the document so that the report can explain any characteristic."""

    title: str
    """Its name for readers."""
    scope: Literal["direction", "pair"] = "direction"
    """``direction``: one value for s to t, one for t to s; ``pair``: one for both."""
    headline: bool = False
    """Whether maps and rankings show it; what they do not appears in tables only."""
    formula: str
    """How it is computed."""
    text: str
    """What it says, in plain words."""
    source: str
    """The paper it comes from, or this tool."""


class GeneratorDefinition(Document):
    """What a generator is; kept in the document so that the report can explain any generator."""

    title: str
    """Its name for readers."""
    summary: str
    """What it does, in half a sentence."""
    text: str
    """What it does, in paragraphs parted by empty lines."""
    role: Literal["generator", "baseline"] = "generator"
    """A ``baseline`` is measured beside whatever generator was chosen, to compare with."""


# ---- the series behind the figures ----------------------------------------------------------------


class Group(Document):
    """One named sample of numbers."""

    label: str
    """Its name for readers."""
    role: Literal["source", "target", "boundary", "neutral"]
    """What it is of, which fixes its colour."""
    values: list[float]
    """The numbers, in the series' unit."""


class DistributionSeries(Document):
    """Samples on one axis: margins of a direction by several methods, for example."""

    kind: Literal["distribution"] = "distribution"
    """Tells the kinds of series apart."""
    title: str
    """Title of the figure."""
    unit: str
    """Unit of the axis, for readers."""
    groups: list[Group]
    """The samples."""


class StripSeries(Document):
    """Predicted class along paths."""

    kind: Literal["strips"] = "strips"
    """Tells the kinds of series apart."""
    title: str
    """Title of the figure."""
    x_label: str
    """What the axis along the path is, for readers."""
    rows: list[list[int]]
    """One row of class indices for each path, at evenly spaced points (-1 never occurs)."""


class ScatterGroup(Document):
    """Points of one role in a projection."""

    label: str
    """Its name for readers."""
    role: Literal["train_source", "train_target", "boundary"]
    """What the points are, which fixes their colour."""
    points: list[tuple[float, float]]
    """Coordinates on both axes."""


class ScatterSeries(Document):
    """A two-dimensional projection."""

    kind: Literal["scatter"] = "scatter"
    """Tells the kinds of series apart."""
    title: str
    """Title of the figure."""
    x_label: str
    """What the horizontal axis is, for readers."""
    y_label: str
    """What the vertical axis is, for readers."""
    groups: list[ScatterGroup]
    """The points, by role."""
    line: list[tuple[float, float]] | None
    """Both end points of a straight line; null where there is none."""


Series = Annotated[DistributionSeries | StripSeries | ScatterSeries, Field(discriminator="kind")]


class ClassProbability(Document):
    """One of the classes that the model gives an instance."""

    index: int
    """Class index."""
    probability: float
    """Between 0 and 1."""


class SampleCell(Document):
    """One image of a grid."""

    role: Literal["source", "adversarial", "adversarial_of_adversarial", "boundary", "difference"]
    """What the image shows."""
    png: str
    """PNG as base64, pixels exactly as audited; a difference maps -1..1 to a grey level 0..255, 128 for zero."""
    top: list[ClassProbability]
    """The model's two most probable classes; empty for a difference."""


class SampleRow(Document):
    """One instance."""

    label: Literal["typical", "nearest", "farthest", "strangest"]
    """Why it was chosen."""
    distance: float
    """To its source: L2, pixels in [0, 1]."""
    cells: list[SampleCell]
    """Its images, in order."""


class SampleGrid(Document):
    """The sample images of one direction."""

    height: int
    """Of one image, in pixels."""
    width: int
    """Of one image, in pixels."""
    rows: list[SampleRow]
    """One for each instance shown."""


# ---- model, data, settings ------------------------------------------------------------------------


class ToolFacts(Document):
    """The program that wrote the document."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Parity(Document):
    """Agreement between the gradient route and the artefact's own runtime on real samples."""

    max_abs_diff: float
    """Largest absolute difference of an output, 0 or more."""
    agreement: float
    """Share of the samples to which both give the same class, between 0 and 1."""
    n: int
    """Samples compared."""


class EmbeddingFact(Document):
    """The tensor used as embedding."""

    name: str
    """In the model."""
    size: int
    """Its width E: numbers for each instance."""


class Reading(Document):
    """How the model was read."""

    layout: Literal["nchw", "nhwc", "nhw", "flat"]
    """Order of the input's axes."""
    channels: Literal["rgb", "bgr"]
    """Order of the colours."""
    mean: list[float] | None
    """Subtracted from pixels in [0, 1]: one number for each channel, or one for all; null: nothing."""
    std: list[float] | None
    """Pixels are divided by it after that; null: by nothing."""
    output: str | None
    """The output asked for by name; null: the one found in the file."""


class ModelFacts(Document):
    """The artefact under audit.

    Of a model that was an object and no file, ``file`` is what it is called, and ``sha256`` and ``size_bytes`` are of
    its parameters, as far as it shows any, or of the pickle of an estimator.
    """

    file: str
    """Name of the file or folder, or of the object."""
    format: str
    """Its format, such as ``onnx``; of an object ``PyTorch module in memory``, ``estimator in memory``, ``callable in
    memory`` or ``MAITE model in memory``."""
    sha256: str | NotMeasured
    """SHA-256 of the file, or of the object's parameters, in hexadecimal."""
    size_bytes: int
    """Size of the file, or of the object's parameters, in bytes."""
    num_classes: int
    """Classes that the model tells apart."""
    input_shape: list[int]
    """Shape of one instance, without the batch axis."""
    output_kind: Literal["logits", "probabilities", "sigmoid"]
    """What the model's scores are."""
    runtime: str
    """What computed its predictions: ``ONNX Runtime 1.31.1, CPUExecutionProvider``."""
    gradient: str | NotMeasured
    """The route that supplies gradients, or why there is none."""
    parity: Parity | NotMeasured
    """How far that route agrees with the artefact's own runtime."""
    embedding: EmbeddingFact | NotMeasured
    """The tensor used as embedding, or why there is none."""
    preprocessing: str
    """In words what ``reading`` says in numbers."""
    reading: Reading | None = None
    """How the model was read; null in results of older versions."""

    def digest(self, digits: int = 64) -> str:
        """So many digits of the SHA-256, or why there is none."""
        if isinstance(self.sha256, NotMeasured):
            return f"none: {self.sha256.not_measured}"
        return self.sha256[:digits] + "\N{HORIZONTAL ELLIPSIS}" * (digits < len(self.sha256))

    @property
    def in_memory(self) -> bool:
        """Whether it was an object of a program, with no file behind it."""
        return self.format.endswith(" in memory")


class Skipped(Document):
    """A file that could not be read."""

    file: str
    """Path below the data folder."""
    reason: str
    """Why, in words."""


class SplitSizes(Document):
    """Number of samples in each split."""

    train: int
    """Training samples."""
    test: int
    """Test samples."""


class DataFacts(Document):
    """The data the audit ran on."""

    name: str
    """Of the data set, folder or file."""
    fingerprint: str
    """SHA-256 over pixels and labels of both splits as they were read, in hexadecimal."""
    class_names: list[str]
    """Name of each class, by index."""
    splits: SplitSizes
    """Samples in each split."""
    skipped: list[Skipped]
    """Files that could not be read."""
    notes: list[str]
    """How samples were resized and split, in words."""

    @property
    def split_by_tool(self) -> bool:
        """Whether the tool drew the test samples itself, so that nobody knows whether the model learned from them."""
        return any(note.startswith(WITHOUT_SPLIT) for note in self.notes)


class Settings(Document):
    """What was asked for."""

    profile: str
    """``quick``, ``standard``, ``thorough`` or ``paper``."""
    seed: int
    """Of all randomness."""
    device: str
    """Where it was computed: ``cpu`` or ``cuda:N``."""
    generator: str
    """The one that made the instances."""
    pairs: str
    """As ``--pairs`` gave them."""
    samples_per_class: int
    """Sources of each direction, at most."""
    report_pairs: int
    """Pairs with a page of their own in the report."""
    command: str
    """The command that makes the same results again; empty for a model or data that were objects of a program."""
    parameters: dict[str, str]
    """The repr of every configured part, by role, and the generator asked for where that is another."""


class Validity(Document):
    """A check made before any number is believed."""

    id: str
    """Which check it is."""
    status: Literal["ok", "warn", "fail"]
    """How it came out; with a ``fail`` no number is to be believed."""
    message: str
    """The finding, in words."""


# ---- performance ----------------------------------------------------------------------------------


class ClassAccuracy(Document):
    """Accuracy on the test samples of one class."""

    index: int
    """Class index."""
    name: str
    """Class name."""
    accuracy: Measured
    """Share of the class's test samples that the model gives that class; higher is better."""


class ReliabilityBin(Document):
    """Test samples whose confidence lies in [low, high)."""

    low: float
    """Least confidence, between 0 and 1."""
    high: float
    """Greatest confidence, between 0 and 1, not included."""
    confidence: float | None
    """Mean confidence, between 0 and 1; null without a sample."""
    accuracy: float | None
    """Share that is right, between 0 and 1; null without a sample."""
    n: int
    """Samples in the bin."""


class Performance(Document):
    """How good the model is on the test split, as its own runtime predicts."""

    accuracy: Measured
    """Share of the test samples that the model gives their class; higher is better."""
    per_class: list[ClassAccuracy]
    """The same for each class, by index."""
    confusion: list[list[int]]
    """``confusion[i][j]`` counts test samples of class i predicted as j."""
    ece: Measured
    """Expected calibration error, a share, without the bias that chance gives it; lower is better."""
    calibration: Measured
    """Probability p that a perfectly calibrated model shows as large a calibration error; neither end is better."""
    reliability: list[ReliabilityBin]
    """Confidence against accuracy, by bins of confidence."""


# ---- samples ------------------------------------------------------------------------------------


class SampleTable(Document):
    """Samples of one split, column by column: entry i of every list belongs to one sample."""

    index: list[int]
    """Place in the split, from 0."""
    file: list[str]
    """Path below the data folder; the list is empty for data that are no folder."""
    label: list[int]
    """Class index that the data give."""
    predicted: list[int | None]
    """Class index that the model gives; null where its output is not finite, as in all columns below."""
    p_label: list[float | None]
    """Probability of the label, between 0 and 1."""
    logit_margin: list[float | None]
    """Logit of the label less the largest of the others."""
    runner_up: list[int | None]
    """Index of the likeliest class other than the label."""


class Samples(Document):
    """What the model says of single samples."""

    test: SampleTable
    """The whole test split."""
    train: SampleTable
    """Training samples that a direction started from, that the model gets wrong, or that a measure flags."""


class Sources(Document):
    """Samples that a direction started from."""

    split: Literal["train", "test"]
    """The split that they are from."""
    index: list[int]
    """Their places in the split, from 0."""


class Margins(Document):
    """Distance of single samples to the nearest point found that the model puts in the target class.

    Entry i of each list belongs to one sample.
    """

    index: list[int]
    """Place in the split, from 0."""
    l2: list[float | None]
    """L2 distance, pixels in [0, 1]. 0: the model does not put the sample in its own class to begin with; null: nothing
    was found, and it was looked as far as ``tried_l2`` at least."""
    linf: list[float | None]
    """Largest change of a pixel in [0, 1]; 0 and null as for ``l2``, with ``tried_linf``."""
    tried_l2: float | None
    """How far was looked where nothing was found, as ``l2``; null where that never happened."""
    tried_linf: float | None
    """How far was looked where nothing was found, as ``linf``; null where that never happened."""
    method: str
    """The route that found them."""


class Flagged(Document):
    """Samples of the direction's source class that a measure points at."""

    flag: str
    """What is said of them."""
    split: Literal["train", "test"]
    """The split that they are from."""
    index: list[int]
    """Their places in the split, from 0."""


# ---- boundary -------------------------------------------------------------------------------------


class Generation(Document):
    """Counts of one generator in one direction, in the order of its components."""

    requested: int
    """Instances that the generator started from."""
    adversarial: int
    """Of these, how many were led to the target class; for RPBS and EPBS the number of starting pairs."""
    adversarial_of_adversarial: int
    """Of these, how many were led back to the source class; for RPBS and EPBS the number of starting pairs."""
    boundary: int
    """Boundary instances made."""
    jumps: int = 0
    """Of these, in how many the two classes do not tie: the model's answer jumps from one to the other between two
    neighbouring points, as it does with trees and whole-number arithmetic."""
    success_rate: Measured
    """Share of the sources that reached the boundary; higher is better."""
    mean_bisection_steps: float | NotMeasured
    """Mean number of steps of a bisection."""
    max_probability_gap: float | NotMeasured
    """Largest difference of the two classes' probabilities in a boundary instance, between 0 and 1."""
    third_class: dict[str, int]
    """First bisections lost to a third class, by its index as text; a second try may yet have reached the boundary."""
    failures: dict[str, int]
    """Instances that did not become a boundary instance, by reason."""
    rescued: dict[str, int] = {}
    """Instances that the generator reached only by other means than its first, by these means."""


class Baseline(Document):
    """RPBS or EPBS in one direction, measured like the generator."""

    generation: Generation
    """What it made."""
    characteristics: dict[str, Measured]
    """What was measured on that, by the id of its definition."""


class Direction(Document):
    """Boundary from one class to another: what was generated and what was measured on it."""

    source: int
    """Index of the class s that instances start from."""
    target: int
    """Index of the class t that they are led to."""
    sources: Sources
    """The samples that the generator was given."""
    margins: dict[Literal["test", "train"], Margins]
    """Margins of single samples, by split."""
    flagged: list[Flagged]
    """Samples worth a look."""
    generation: Generation
    """What the generator made."""
    baselines: dict[str, Baseline | NotMeasured]
    """The same made and measured by simpler generators, by their name."""
    characteristics: dict[str, Measured]
    """What was measured, by the id of its definition."""
    by_generator: dict[str, list[float]] = {}
    """A measure on the instances of each of several generators, which were trained apart on parts of the sources; the
    intervals of these measures allow for their spread."""
    series: dict[str, Series]
    """What the figures are drawn from, by name."""
    samples: SampleGrid | NotMeasured
    """Images of single instances; of pairs with a page of their own."""


Level = Literal["screened", "outlined", "full"]
LEVELS: Final[tuple[Level, ...]] = ("screened", "outlined", "full")
"""How far an audit came with a pair, the least first."""


class Pair(Document):
    """Two classes, both directions, and the measures that need both."""

    classes: tuple[int, int]
    """Their indices, the smaller first."""
    names: tuple[str, str]
    """Their names."""
    level: Level = "full"
    """How far the audit came with it: ``screened``, margins of a few test samples and nothing of the boundary itself;
    ``outlined``, every measure on a few boundary instances that took no training; ``full``, all that the profile asks
    for, as in results of older versions."""
    directions: list[Direction]
    """From the first to the second, and back."""
    characteristics: dict[str, Measured]
    """Measures of the pair, by the id of their definition."""

    def __repr__(self) -> str:
        return f"<Pair {self.names[0]!r} and {self.names[1]!r}>"

    __str__ = __repr__


class Worst(Document):
    """The pair or direction where a characteristic is at its least favourable."""

    classes: tuple[int, int]
    """Class indices: source and target, or the pair's."""
    value: float
    """The value there, in the unit of the measure's definition."""


class SummaryMeasure(Document):
    """A characteristic over all audited directions (or pairs), in the unit of its definition."""

    mean: float
    """The mean over these very pairs."""
    ci_low: float | None
    """Lower end of its 95 % interval, which is about these very pairs, whatever other pairs there are; null: open."""
    ci_high: float | None
    """Upper end of its 95 % interval; null: open."""
    worst: Worst | None
    """The least favourable place; null for a measure of which neither end is better."""


class Summary(Document):
    """Over all pairs."""

    characteristics: dict[str, SummaryMeasure | NotMeasured]
    """Means and worst places, by the id of the definition."""
    ranking: list[tuple[int, int]]
    """Class indices of all pairs, from most to least fragile."""
    ranked_by: str
    """Id of the measure that the ranking is by."""


class Waiver(Document):
    """Why a rule that does not hold is accepted all the same."""

    reason: str
    """In words."""
    until: str
    """Last day on which it holds, ISO 8601."""
    place: str = ""
    """The one place that it is about, in the notation of a policy; empty where it is about the whole rule."""


LimitKey = Literal["min", "max", "max_decrease", "max_increase"]
LIMIT_WORDS: Final[dict[LimitKey, str]] = {
    "min": "at least", "max": "at most", "max_decrease": "down by at most", "max_increase": "up by at most",
}  # fmt: skip


class Rule(Document):
    """One rule of the gate and how it came out."""

    id: str
    """Its name in the policy."""
    status: Literal["pass", "warn", "fail", "not_measured", "waived"]
    """How it came out. A rule that is ``waived`` does not hold; by its ``waiver`` the gate does not fail for that."""
    observed: str
    """``value`` with its interval in words."""
    threshold: str
    """``limit`` in words."""
    message: str
    """The finding in a sentence."""
    severity: Literal["warn", "fail"] = "fail"
    """What it comes to where it does not hold."""
    measure: str = ""
    """The measure, in the notation of a policy; empty where the rule is about something else."""
    classes: list[int] = []
    """Class indices of the place: a direction, a pair, a class; empty for the model as a whole."""
    value: float | None = None
    """The number there, in ``unit``; null where there is none."""
    ci_low: float | None = None
    """Lower end of its interval; null: open, or none."""
    ci_high: float | None = None
    """Upper end of its interval; null: open, or none."""
    limit: float | None = None
    """What it is held against, in ``unit``; null where that is no number."""
    key: LimitKey | None = None
    """The policy's key of the limit, which says on what side of it values are good; null where there is none."""
    unit: str = ""
    """Unit of these numbers, for readers."""
    scale: Scale = "number"
    """What kind of numbers they are, as in a measure."""
    needed_n: int | None = None
    """About how many samples would decide, where the limit lies inside the interval; null where the rule is decided or
    no number of samples is known to."""
    waiver: Waiver | None = None
    """Why it is accepted that the rule does not hold; null without a waiver in the policy."""


class Gate(Document):
    """The decision, and the rules it rests on."""

    status: Literal["passed", "failed", "not_configured"]
    """``not_configured``: there was no policy."""
    rules: list[Rule]
    """In the order of the policy."""
    holds: int = 0
    """Rules that hold with their whole interval."""
    undecided: int = 0
    """Rules that cannot be decided with this many samples: the limit lies inside the interval."""
    beyond: int = 0
    """Rules whose observed value lies beyond the limit although the interval does not as a whole."""
    failed: int = 0
    """Rules that fail or were not measured."""
    waived: int = 0
    """Rules that would be among these but for a waiver in the policy."""


class Coverage(Document):
    """Which class pairs were asked for, how they were chosen, and which were audited."""

    possible: int
    """Pairs of all classes that have samples."""
    requested: int
    """Pairs asked for."""
    audited: int
    """Pairs audited."""
    chosen: str
    """How they were chosen, in words."""
    errors_covered: Measured
    """Share of the model's errors on the test split that confuse an audited pair; higher is more complete."""
    missing: list[tuple[int, int]] = []
    """Class indices of pairs asked for that were not audited; with any, or without any pair, an audit is partial."""
    empty: list[tuple[int, int]] = []
    """Directions of audited pairs, source and target, in which no boundary instance was found: the audit says nothing
    of the boundary there."""
    levels: dict[Level, int] = {}
    """How many pairs reached which level; empty where all were audited in full."""
    shallow: list[tuple[int, int]] = []
    """Class indices of pairs asked for that did not come to the full level; with any an audit is partial."""
    reason: str = ""
    """Why pairs are missing or shallow, in words; empty where none are."""

    @property
    def partial(self) -> bool:
        """Whether something that was asked for is missing; an audit of no pair at all is always so."""
        return bool(self.missing) or bool(self.shallow) or not self.audited


class Cost(Document):
    """Model evaluations spent."""

    forward: int
    """Instances put through the model."""
    backward: int
    """Instances of which gradients were taken."""


class Plugin(Document):
    """Something that another distribution brought, or that the program registered."""

    kind: str
    """What it is, such as ``characteristic``."""
    name: str
    """By which it is chosen."""
    distribution: str
    """Who brings it; empty where a program registered it itself."""
    version: str
    """Of the distribution; empty where there is none."""
    settings: str
    """The repr of it as configured."""


class Provenance(Document):
    """Where the numbers come from."""

    taken_over: list[tuple[int, int]] = []
    """Class indices of pairs of which an interrupted run finished something that this run took over."""
    plugins: list[Plugin] = []
    """What was in use that is not the tool's own."""


class Results(Document):
    """The whole of results.json."""

    schema_version: Literal["3.0"]
    """Version of this schema. The first number changes when a reader of the old form would misread the new one."""
    tool: ToolFacts
    """What wrote the document."""
    model: ModelFacts
    """The artefact, and how it was read."""
    data: DataFacts
    """The data it was audited on."""
    settings: Settings
    """What the audit was asked for."""
    environment: dict[str, str]
    """Versions of what computed the numbers, by name."""
    validity: list[Validity]
    """Checks made before any number is believed."""
    performance: Performance
    """How good the model is on the test split."""
    samples: Samples
    """Single samples, and what the model says of them."""
    coverage: Coverage
    """Which class pairs were audited."""
    pairs: list[Pair]
    """The audited pairs, in the order asked for."""
    summary: Summary
    """Means, worst places and the ranking, over all pairs."""
    definitions: dict[str, Definition]
    """What each measure under a ``characteristics`` key means, by its id."""
    generators: dict[str, GeneratorDefinition] = {}
    """What each generator is that made instances, by its name."""
    cost: Cost
    """Model evaluations spent, over all."""
    gate: Gate
    """The decision by a policy."""
    provenance: Provenance = Provenance()
    """Where the numbers come from, beside the model and the data."""

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


class TaskFacts(Document):
    """One piece of an audit's work."""

    kind: str
    """What was done on the pairs."""
    pairs: list[tuple[int, int]]
    """Class indices."""
    seconds: float
    """From its beginning to its end."""
    processor: str
    """On what, in words."""


class RunFacts(Document):
    """run.json: what differs from run to run, kept out of results.json so that it is reproducible."""

    schema_version: Literal["2.0"] = "2.0"
    """Version of this schema, which has not changed since."""
    started: str
    """Date and time, ISO 8601."""
    duration_seconds: float
    """Of this run until its results are known: reports are made after it, and what an interrupted run spent on the
    ``pairs_taken_over`` from it is left out."""
    stages: dict[str, float]
    """Seconds spent on each stage, by its name."""
    host: dict[str, str]
    """The machine, in words."""
    peak_memory_bytes: int
    """Most memory that each worker held, added up, in bytes; 0 where the system does not tell."""
    workers: int = Field(default=1, ge=1)
    """Processes that worked on class pairs, on one CPU each or more; no number depends on how many."""
    tasks: list[TaskFacts] = []
    """What this run did of class pairs, in the order in which it ended."""
    cost: Cost
    """Model evaluations spent by this run."""
    pairs_taken_over: int = 0
    """Pairs that an interrupted run had finished."""
    command: str = ""
    """The command as it was given; empty in documents of older versions."""
    model_path: str = ""
    """The model's place in its repository (or below the working folder), with ``/``; empty in documents of older
    versions."""


def to_json(document: Document) -> str:
    """The document as JSON text: sorted by the model's own order, no NaN, ends with a newline."""
    return json_text(json.dumps(document.model_dump(mode="json"), allow_nan=False, ensure_ascii=False, indent=1)) + "\n"


def from_json(text: str | bytes) -> Results:
    """Read results.json back.

    Raises:
        pydantic.ValidationError: the text is not a results document of this version.
    """
    return Results.model_validate_json(text)


def json_schema(document: type[Document], name: str) -> dict[str, Any]:
    """JSON Schema of a document; the copies shipped as ``NAME.schema.json`` are made of it."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:deepdig-audit:{name}:{SCHEMA_VERSION}",
    }
    return head | document.model_json_schema()
