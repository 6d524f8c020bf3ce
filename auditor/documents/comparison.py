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
    """One number of two audits, and its ``difference``, candidate less baseline.

    ``paired``: the difference is the typical one of single samples that both audits have, ``difference.n`` of them;
    where it is not, the numbers are compared as of different samples. ``p`` says how probable so large a difference is
    by chance, corrected for the number of places that the measure has and, for the ranked measure, for the other looks
    that the verdict takes at it; ``change`` is ``unclear`` where that is 0.05 or
    more, and ``changed`` where neither end is better.
    """

    candidate: Measured
    baseline: Measured
    difference: Measured
    p: float | None
    change: Literal["worse", "better", "changed", "unclear", "not_measured"]
    paired: bool = False


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
    """Mean difference of a measure over its places, and in how many it clearly got worse, better, or just other.

    ``paired``: it is taken on common samples in every place, at least ``samples`` of them.
    """

    difference: Measure
    worse: int
    better: int
    changed: int
    places: int
    paired: bool
    samples: int


class ComparedClass(Document):
    """Accuracy on the test samples of one class."""

    index: int
    name: str
    accuracy: Compared


class ComparedConfusion(Document):
    """Test samples of class ``true`` predicted as ``predicted``, of ``n`` each; ``p`` is corrected for their number.

    It is McNemar's where both audits have the same samples (``paired``), else that of Fisher's exact test.
    """

    true: int
    predicted: int
    candidate: int
    candidate_n: int
    baseline: int
    baseline_n: int
    p: float
    change: Literal["new", "more", "fewer", "vanished", "unclear"]
    paired: bool = False


class Moved(Document):
    """Common test samples whose margin to another class changed by more than a share ``by`` of it.

    A sample counts once for each direction in which it was measured, ``samples`` times in all.
    """

    samples: int
    closer: int
    farther: int
    by: float


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


Outcome = Literal["no_difference", "closer", "farther", "different", "incomparable"]
Bar = Literal["data", "route", "profile", "preprocessing", "invalid", "not_measured"]
Loss = Literal["accuracy", "recall", "confusions", "validity", "lost"]
LOSSES: Final[tuple[Loss, ...]] = ("accuracy", "recall", "confusions", "validity", "lost")


class Reason(Document):
    """One thing that a verdict rests on, and how much of it there is.

    | id | count |
    |---|---|
    | ``data``, ``route``, ``profile``, ``preprocessing``, ``invalid``, ``not_measured`` | 1: why nothing is compared |
    | ``closer``, ``farther`` | directions in which the margin got clearly smaller, larger |
    | ``closer_on_average``, ``farther_on_average`` | directions over which the mean did |
    | ``moved`` | samples that clearly came closer or went farther, where there are many of both |
    | ``accuracy`` | 1: it got worse |
    | ``recall``, ``confusions`` | classes whose accuracy got worse; confusions that are new or grew |
    | ``validity`` | checks that came out worse than the baseline's |
    | ``lost`` | places whose headline measure the baseline has and the candidate has not |
    """

    id: Bar | Loss | Literal["closer", "farther", "closer_on_average", "farther_on_average", "moved"]
    count: int


class Comparison(Document):
    """The whole of compare.json: a candidate against a baseline, pair by pair. ``flags`` stand against the numbers.

    ``verdict`` is about the boundary: no difference beyond chance, ``closer`` to the samples, ``farther`` from them,
    a ``different`` one (closer here, farther there), or no answer. ``reasons`` say what it rests on and what else got
    worse. ``boundary_kept`` is there where both models were at hand: the candidate's file and the baseline's instances.
    """

    schema_version: Literal["2.0"]
    candidate: Side
    baseline: Side
    identical: bool
    verdict: Outcome
    reasons: list[Reason]
    flags: list[Validity]
    accuracy: Compared
    ece: Compared
    per_class: list[ComparedClass]
    confusions: list[ComparedConfusion]
    moved: Moved | NotMeasured
    pairs: list[ComparedPair]
    ranked_by: str
    summary: dict[str, ComparedMean | NotMeasured]
    definitions: dict[str, Definition]
    boundary_kept: list[KeptDirection] | NotMeasured = NotMeasured(not_measured="no --model and --instances were given")

    @property
    def losses(self) -> list[Reason]:
        """What got worse beside the boundary: with any of it, no verdict is good news."""
        return [reason for reason in self.reasons if reason.id in LOSSES]

    @property
    def good(self) -> bool:
        """Whether nothing speaks against the candidate."""
        return self.verdict in ("no_difference", "farther") and not self.losses
