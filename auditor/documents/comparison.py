"""compare.json: two audits side by side, as a document. Plain numbers, like ``results``, whose parts it is made of."""

from __future__ import annotations

from typing import Final, Literal

from auditor.documents.results import (
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
    """One number of two audits."""

    candidate: Measured
    """The candidate's."""
    baseline: Measured
    """The baseline's."""
    difference: Measured
    """Candidate less baseline; where it is ``paired``, the typical difference of the ``n`` common samples."""
    p: float | None
    """How probable so large a difference is by chance, corrected for the number of places that the measure has and, for
    the ranked measure, for the other looks that the verdict takes at it; null where nothing is compared."""
    change: Literal["worse", "better", "changed", "unclear", "not_measured"]
    """What it comes to: ``unclear`` where ``p`` is 0.05 or more, ``changed`` where neither end is better."""
    paired: bool = False
    """Whether it is a difference of single samples that both audits have; if not, numbers are compared as of different
    samples."""


class ComparedDirection(Document):
    """Both audits of one direction."""

    source: int
    """Index of the class that instances start from."""
    target: int
    """Index of the class that they are led to."""
    success_rate: Compared
    """Share of the sources that reached the boundary; higher is better."""
    characteristics: dict[str, Compared]
    """Measures of the direction, by the id of their definition."""


class ComparedPair(Document):
    """Both audits of a pair."""

    classes: tuple[int, int]
    """Class indices, the smaller first."""
    names: tuple[str, str]
    """Their names."""
    strength: float
    """How clearly it got more fragile, in standard deviations; pairs are ordered by it, the largest first."""
    directions: list[ComparedDirection]
    """From the first class to the second, and back."""
    characteristics: dict[str, Compared]
    """Measures of the pair, by the id of their definition."""


class ComparedMean(Document):
    """A measure over all its places."""

    difference: Measure
    """Mean difference, candidate less baseline; ``n`` counts the places."""
    worse: int
    """Places in which it clearly got worse."""
    better: int
    """Places in which it clearly got better."""
    changed: int
    """Places in which it clearly changed, of a measure of which neither end is better."""
    places: int
    """Places compared: directions, or pairs."""
    paired: bool
    """Whether it is taken on common samples in every place."""
    samples: int
    """Fewest samples behind the difference of a place."""


class ComparedClass(Document):
    """Accuracy on the test samples of one class."""

    index: int
    """Class index."""
    name: str
    """Class name."""
    accuracy: Compared
    """Share of the class's test samples that the model gives that class; higher is better."""


class ComparedConfusion(Document):
    """Test samples of one class predicted as another."""

    true: int
    """Index of the class that the data give."""
    predicted: int
    """Index of the class that the model gives."""
    candidate: int
    """How many the candidate predicts so."""
    candidate_n: int
    """Of how many test samples of the class."""
    baseline: int
    """How many the baseline predicts so."""
    baseline_n: int
    """Of how many test samples of the class."""
    p: float
    """How probable so large a difference is by chance, corrected for the number of confusions: McNemar's test where it
    is ``paired``, else Fisher's exact test."""
    change: Literal["new", "more", "fewer", "vanished", "unclear"]
    """What it comes to; ``unclear`` where ``p`` is 0.05 or more."""
    paired: bool = False
    """Whether both audits have the same samples."""


class Moved(Document):
    """Common test samples whose margin to another class changed; each counts once for each direction measured in."""

    samples: int
    """All that were measured in both."""
    closer: int
    """Those whose margin shrank by more than ``by``."""
    farther: int
    """Those whose margin grew by more than ``by``."""
    by: float
    """Share of the margin."""


class Side(Document):
    """Where one side of a comparison comes from."""

    tool: ToolFacts
    """The program that wrote its results."""
    model: ModelFacts
    """The artefact."""
    data: DataFacts
    """The data."""
    settings: Settings
    """What its audit was asked for."""
    gate: Literal["passed", "failed", "not_configured"]
    """How its gate decided."""
    pairs: int
    """Pairs audited."""


class KeptDirection(Document):
    """Where the baseline's boundary instances of one direction lie for the candidate."""

    source: int
    """Index of the class that they started from."""
    target: int
    """Index of the class that they were led to."""
    kept: Measured
    """Share that lies on the candidate's boundary between the same two classes; higher is more alike."""
    to_source: int
    """Of the others, those that it gives the source class."""
    to_target: int
    """Of the others, those that it gives the target class."""
    to_third: int
    """Of the others, those that it gives a third class."""


Outcome = Literal["no_difference", "closer", "farther", "different", "incomparable"]
Bar = Literal["data", "route", "profile", "preprocessing", "invalid", "not_measured"]
Loss = Literal["accuracy", "recall", "confusions", "validity", "lost"]
LOSSES: Final[tuple[Loss, ...]] = ("accuracy", "recall", "confusions", "validity", "lost")


class Reason(Document):
    """One thing that a verdict rests on."""

    id: Bar | Loss | Literal["closer", "farther", "closer_on_average", "farther_on_average", "moved"]
    """What it is. Why nothing is compared: ``data``, ``route``, ``profile``, ``preprocessing``, ``invalid``,
    ``not_measured``. The boundary: ``closer``, ``farther``, the same ``_on_average``, ``moved``. What got worse beside:
    ``accuracy``, ``recall``, ``confusions``, ``validity``, ``lost``."""
    count: int
    """How much of it. Of ``closer`` and ``farther``: directions in which the margin got clearly smaller, larger, or
    over which the mean did; of ``moved``: samples that clearly came closer or went farther; of ``recall``: classes; of
    ``confusions``: those that are new or grew; of ``validity``: checks; of ``lost``: places whose headline measure the
    baseline has and the candidate has not; else 1."""


class Comparison(Document):
    """The whole of compare.json: a candidate against a baseline, pair by pair."""

    schema_version: Literal["3.0"]
    """Version of this schema. The first number changes when a reader of the old form would misread the new one."""
    candidate: Side
    """What is judged."""
    baseline: Side
    """What it is judged against."""
    identical: bool
    """Whether both hold the same numbers."""
    verdict: Outcome
    """About the boundary: no difference beyond chance, ``closer`` to the samples, ``farther`` from them, a
    ``different`` one (closer here, farther there), or no answer."""
    reasons: list[Reason]
    """What the verdict rests on, and what else got worse."""
    flags: list[Validity]
    """What stands against the numbers, the gravest first."""
    accuracy: Compared
    """Share of the test samples that the model gives their class; higher is better."""
    ece: Compared
    """Expected calibration error, a share; lower is better."""
    per_class: list[ComparedClass]
    """Accuracy of each class, by index."""
    confusions: list[ComparedConfusion]
    """Every mistake that either model makes, the clearest changes first."""
    moved: Moved | NotMeasured
    """Single samples that came closer to the boundary or went farther from it."""
    pairs: list[ComparedPair]
    """Pairs that both audits have, the one that got most clearly more fragile first."""
    ranked_by: str
    """Id of the measure that decides the verdict and the order."""
    summary: dict[str, ComparedMean | NotMeasured]
    """Mean differences, by the id of the definition."""
    definitions: dict[str, Definition]
    """What each measure under a ``characteristics`` key means, by its id."""
    boundary_kept: list[KeptDirection] | NotMeasured = NotMeasured(not_measured="no --model and --instances were given")
    """Where the baseline's boundary instances lie for the candidate; measured where the candidate's file and the
    baseline's instances were at hand."""

    @property
    def losses(self) -> list[Reason]:
        """What got worse beside the boundary: with any of it, no verdict is good news."""
        return [reason for reason in self.reasons if reason.id in LOSSES]

    @property
    def good(self) -> bool:
        """Whether nothing speaks against the candidate."""
        return self.verdict in ("no_difference", "farther") and not self.losses
