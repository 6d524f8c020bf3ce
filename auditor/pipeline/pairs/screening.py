"""What an audit knows of a pair before it has made a boundary instance: the margins of a few test samples.

All pairs are screened before any goes further. The full level goes on from the margins found here, so a screened pair
has cost nothing that it would not have cost in the end; what is said of one that never goes further is made here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import torch

from auditor.boundary.base import BoundaryInstances
from auditor.characteristics.base import Evidence, SampleMargins, SplitName
from auditor.characteristics.margin import Margin
from auditor.documents.pair_outcomes import (
    DirectionOutcome,
    FirstMargins,
    PairOutcome,
    ScreenedPair,
    ScreenedPart,
)
from auditor.documents.results import Generation, Measured, NotMeasured, Sources
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline.pairs.margins import document, of_first, screened, searched_from
from auditor.pipeline.pairs.shard import SPLIT, Work
from auditor.pipeline.pairs.sources import first_of_class
from auditor.pipeline.stages import Stages

WRONG = ("already_wrong", "already_wrong_train")


def run_screening(
    pairs: Sequence[ClassPair], samples: int, known: Sequence[ScreenedPair], work: Work, stages: Stages
) -> ScreenedPart:
    """Screen some pairs, going on from what an earlier screening found of them.

    Args:
        pairs: (a, b) of each.
        samples: test samples of a class whose margins are known afterwards, where it has so many.
        known: of fewer samples.
    """
    begin, before = time.perf_counter(), by_direction(known)

    def do() -> list[ScreenedPair]:
        return screened(
            work.subject.classifier, work.answers, pairs, samples, work.setup.search, work.plan, stages, before
        )

    found, cost, bad = work.metered(do)
    return ScreenedPart(pairs=found, cost=cost, seconds=time.perf_counter() - begin, not_finite=bad)


def by_direction(known: Sequence[ScreenedPair]) -> dict[ClassPair, FirstMargins]:
    """First margins by the direction that they are of."""
    return {(d.source, d.target): d for pair in known for d in pair.directions}


def only_screened(pair: ScreenedPair, work: Work, reason: str) -> PairOutcome:
    """What the results say of a pair that was screened and nothing more.

    Args:
        reason: why everything else of it was not measured.
    """
    forth, back = (_direction(of, work, NotMeasured(not_measured=reason)) for of in pair.directions)
    return PairOutcome(pair.classes, (forth, back), "screened")


def _direction(of: FirstMargins, work: Work, nothing: NotMeasured) -> DirectionOutcome:
    return DirectionOutcome(
        source=of.source,
        target=of.target,
        sources=Sources(split=SPLIT, index=[]),
        margins={"test": document(of_first(of))},
        flagged=[],
        generation=Generation(
            requested=0,
            adversarial=0,
            adversarial_of_adversarial=0,
            boundary=0,
            success_rate=nothing,
            mean_bisection_steps=nothing,
            max_probability_gap=nothing,
            third_class={},
            failures={},
        ),
        characteristics={
            **{id: nothing for one in work.suite.directed.values() for id in one.definitions},
            **of_few_samples(of, work, nothing),
        },
        by_generator={},
        series={},
        samples=nothing,
        baselines=dict.fromkeys(work.setup.baselines, nothing),
    )


def of_few_samples(of: FirstMargins, work: Work, nothing: NotMeasured) -> Mapping[str, Measured]:
    """What the first margins say as the characteristic of margins says it, and of training samples why nothing is said.

    Which samples the model puts elsewhere its predictions tell of all that a full level uses.
    """
    margin = work.suite.directed.get("margin_attack")
    if not isinstance(margin, Margin):  # a plug-in stands in its place
        return {}
    source, target = work.samples_of(of.source), work.samples_of(of.target)
    instances = _no_instances(of, work)

    def measures(margins: Mapping[SplitName, SampleMargins]) -> Mapping[str, Measured]:
        evidence = Evidence(work.subject.classifier, source, target, instances, margins=margins)
        return margin.measure(evidence, rng=torch.Generator()).measures

    predicted = measures({"test": _predicted(of.source, "test", work), "train": _predicted(of.source, "train", work)})
    of_test = measures(first_margins(of))
    return {
        id: predicted[id] if id in WRONG else nothing if id.endswith("_gap") or "_train" in id else of_test[id]
        for id in margin.definitions
    }


def first_margins(of: FirstMargins) -> dict[SplitName, SampleMargins]:
    """First margins by split; of training samples there are none."""
    none, nowhere = torch.empty(0), torch.empty(0, dtype=torch.int64)
    return {"test": of_first(of), "train": SampleMargins(nowhere, none, none, none, none, of.method)}


def _predicted(label: int, split: SplitName, work: Work) -> SampleMargins:
    """The samples of a class that a full level uses, of which only the predictions are known."""
    most = searched_from(work.setup.search, work.plan.settings)[split]
    index = first_of_class(work.answers[split].split, split, label, most, work.plan.seed)
    unknown, nowhere = torch.where(work.answers[split].correct[index], torch.inf, 0.0), torch.zeros(len(index))
    return SampleMargins(index, unknown, unknown, nowhere, nowhere, "")


def _no_instances(of: FirstMargins, work: Work) -> BoundaryInstances:
    classifier = work.subject.classifier
    x, rows = torch.empty(0, *classifier.instance_shape), torch.empty(0, dtype=torch.int64)
    p = torch.empty(0, classifier.num_classes)
    return BoundaryInstances(of.source, of.target, x, x, x, x, p, rows, 0, 0, 0, rows, rows)
