"""Finished parts of an audit: what a shard returns, what the journal keeps, what a resumed run need not do again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from auditor.documents.results import Baseline, Cost, Document, NotMeasured, Pair


class FinishedPairs(Document):
    """The pairs of a shard, each with its sample images, what they cost and how many seconds they took.

    ``not_finite`` counts instances for which the model gave NaN or infinity: a run that takes the part over warns too.
    """

    kind: Literal["pairs"] = "pairs"
    pairs: list[Pair]
    cost: Cost
    seconds: float
    not_finite: int = Field(default=0, ge=0)

    @property
    def classes(self) -> list[tuple[int, int]]:
        """The pairs by their classes, in the order in which they were worked on."""
        return [pair.classes for pair in self.pairs]


class FinishedBaselines(Document):
    """The baselines of a pair that the report shows on a page of its own, forth and back, and what they cost."""

    kind: Literal["baselines"] = "baselines"
    classes: tuple[int, int]
    directions: tuple[dict[str, Baseline | NotMeasured], dict[str, Baseline | NotMeasured]]
    cost: Cost
    not_finite: int = Field(default=0, ge=0)


Part = Annotated[FinishedPairs | FinishedBaselines, Field(discriminator="kind")]


class Found(Document):
    """What an earlier run left behind: the facts under which it ran, and the parts that it finished."""

    facts: dict[str, str]
    parts: list[Part]
