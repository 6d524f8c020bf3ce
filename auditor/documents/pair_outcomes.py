"""Finished parts of an audit: what a shard returns, what the journal keeps, what a resumed run need not do again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from auditor.documents.results import (
    Baseline,
    Cost,
    Direction,
    Document,
    Flagged,
    Generation,
    Level,
    Margins,
    Measured,
    NotMeasured,
    Pair,
    SampleGrid,
    Series,
    Sources,
)

NOT_SHOWN = NotMeasured(not_measured="sample images are kept for the ranked pairs only")
_plain = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(config=_plain)
class DirectionOutcome:
    """What an audit knows of one direction, field by field what the results will say (``results.Direction``).

    What only the audit as a whole tells is filled in later: baselines of the pairs that the report shows, intervals
    that allow for another training, and that images are not shown.
    """

    source: int
    target: int
    sources: Sources
    margins: dict[Literal["test", "train"], Margins]
    flagged: list[Flagged]
    generation: Generation
    characteristics: dict[str, Measured]
    by_generator: dict[str, list[float]]
    series: dict[str, Series]
    samples: SampleGrid | NotMeasured
    baselines: dict[str, Baseline | NotMeasured] = field(default_factory=dict)


@dataclass(config=_plain)
class PairOutcome:
    """What an audit knows of two classes: the directions forth and back, and how far it came with them."""

    classes: tuple[int, int]
    directions: tuple[DirectionOutcome, DirectionOutcome]
    level: Level = "full"

    def document(self, class_names: Sequence[str], characteristics: Mapping[str, Measured]) -> Pair:
        """The pair as it stands in the results, with the ``characteristics`` that compare its directions."""
        a, b = self.classes
        return Pair(
            classes=self.classes,
            names=(class_names[a], class_names[b]),
            level=self.level,
            directions=[Direction(**vars(direction)) for direction in self.directions],
            characteristics=dict(characteristics),
        )


@dataclass(config=_plain)
class FirstMargins:
    """Margins of the first test samples of a direction, in the order in which samples are used, as numbers of float32.

    0: the model does not put the sample in its class; null: nothing was found as far as was ``tried``.
    """

    source: int
    target: int
    index: list[int]
    l2: list[float | None]
    linf: list[float | None]
    tried_l2: list[float]
    tried_linf: list[float]
    method: str


@dataclass(config=_plain)
class ScreenedPair:
    """The first margins of two classes, forth and back."""

    classes: tuple[int, int]
    directions: tuple[FirstMargins, FirstMargins]

    @property
    def samples(self) -> int:
        """How many samples of each class it looked at, where there are so many."""
        return max(len(direction.index) for direction in self.directions)


class ScreenedPart(Document):
    """Some pairs screened, what that cost and how many seconds it took; it says all that was known of them by then."""

    kind: Literal["screened"] = "screened"
    pairs: list[ScreenedPair]
    cost: Cost
    seconds: float
    processor: str = ""
    not_finite: int = Field(default=0, ge=0)

    @property
    def classes(self) -> list[tuple[int, int]]:
        """The pairs by their classes."""
        return [pair.classes for pair in self.pairs]


class PairsPart(Document):
    """The pairs of a shard, each with its sample images, what they cost, how many seconds they took and on what.

    ``not_finite`` counts instances for which the model gave NaN or infinity: a run that takes the part over warns too.
    """

    kind: Literal["pairs"] = "pairs"
    pairs: list[PairOutcome]
    cost: Cost
    seconds: float
    processor: str = ""
    not_finite: int = Field(default=0, ge=0)

    @property
    def classes(self) -> list[tuple[int, int]]:
        """The pairs by their classes, in the order in which they were worked on."""
        return [pair.classes for pair in self.pairs]


class BaselinesPart(Document):
    """The baselines of a pair that the report shows on a page of its own, forth and back, what they cost and took."""

    kind: Literal["baselines"] = "baselines"
    classes: tuple[int, int]
    directions: tuple[dict[str, Baseline | NotMeasured], dict[str, Baseline | NotMeasured]]
    cost: Cost
    seconds: float
    processor: str = ""
    not_finite: int = Field(default=0, ge=0)


Part = Annotated[PairsPart | ScreenedPart | BaselinesPart, Field(discriminator="kind")]


def form_of_parts() -> str:
    """A digest of what a part consists of: one kept in another form, by another version of the tool, cannot be read."""
    return hashlib.sha256(json.dumps(TypeAdapter(Part).json_schema()).encode()).hexdigest()


class Found(Document):
    """What an earlier run left behind: the facts under which it ran, and the parts that it finished."""

    facts: dict[str, str]
    parts: list[Part]
