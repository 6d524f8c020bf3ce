"""An outline: every measure from a few sources without training, from as many as an interval with two ends takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from auditor.boundary.base import BoundaryInstances
from auditor.documents.pair_outcomes import PairOutcome, ScreenedPart
from auditor.documents.results import Measure
from auditor.documents.tasks import Task
from auditor.functional.statistics import LEAST_FOR_RARE
from auditor.pipeline.pairs import outline
from auditor.pipeline.pairs.outline import OUTLINED, take_margins
from auditor.pipeline.pairs.shard import Work
from auditor.pipeline.pairs.tasks import run_task
from auditor.pipeline.stages import Stages

STAGES = Stages(lambda *_: None)


def screening(work: Work, samples: int) -> ScreenedPart:
    part = run_task(Task(kind="screen", pairs=((3, 8),), samples=samples), work, STAGES)
    assert isinstance(part, ScreenedPart)
    return part


def outlined(work: Work, samples: int | None = None) -> PairOutcome:
    plenty = replace(work, plan=work.plan.model_copy(update={"samples_per_class": samples}))
    task = Task(kind="outline", pairs=((3, 8),), known=tuple(screening(work, 4).pairs))
    made = run_task(task, plenty, STAGES)
    assert made.cost.backward == 0
    assert made.kind == "pairs"
    (pair,) = made.pairs
    assert pair.level == "outlined"
    return pair


def test_an_outlined_pair_has_idc_and_edc_without_gradients_and_the_margins_of_its_screening(work: Work) -> None:
    for direction in outlined(work).directions:
        assert LEAST_FOR_RARE <= direction.generation.boundary <= direction.generation.requested == OUTLINED
        for id in ("idc", "edc_boundary_accuracy", "edc_test_accuracy"):
            measure = direction.characteristics[id]
            assert isinstance(measure, Measure), id
            assert None not in (measure.ci_low, measure.ci_high), id
        idc = direction.characteristics["idc"]
        assert isinstance(idc, Measure)
        assert idc.n is not None
        assert idc.n >= OUTLINED // 2
        assert isinstance(direction.characteristics["margin_l2_attack"], Measure)
        assert len(direction.margins["test"].index) == 4


def lossy(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have only so many of the sources lead to an instance."""
    whole = outline.generate

    def generate(*arguments: object) -> list[BoundaryInstances]:
        kept = []
        for of in whole(*arguments):  # type: ignore[arg-type]
            good = torch.arange(len(of)) < round(share * len(of))
            of.failures["lost on purpose"] += int((~good).sum())
            kept.append(of.keep(good))
        return kept

    monkeypatch.setattr(outline, "generate", generate)


def test_more_sources_follow_where_the_first_lead_to_too_few_instances(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    lossy(0.7, monkeypatch)
    for direction in outlined(work).directions:
        made, index = direction.generation, direction.sources.index
        assert OUTLINED < made.requested == len(index) == made.boundary + sum(made.failures.values())
        assert LEAST_FOR_RARE <= made.boundary < LEAST_FOR_RARE + 20
        assert index == sorted(set(index))
        labels, right = work.train.split.labels, work.train.correct
        assert all(right[place] and labels[place] == direction.source for place in index)
        idc = direction.characteristics["idc"]
        assert isinstance(idc, Measure)
        assert None not in (idc.ci_low, idc.ci_high)


def test_no_more_follow_where_there_will_never_be_enough(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    lossy(0.2, monkeypatch)
    assert {direction.generation.requested for direction in outlined(work).directions} == {OUTLINED}


def test_samples_that_the_command_line_asks_for_are_a_bound(work: Work) -> None:
    assert max(direction.generation.requested for direction in outlined(work, 20).directions) <= 20


def test_margins_of_a_later_screening_take_the_place_of_the_first(work: Work) -> None:
    pair, later = outlined(work), screening(work, 8).pairs[0]
    idc = [direction.characteristics["idc"] for direction in pair.directions]
    take_margins(pair, later, work)
    for direction, of, before in zip(pair.directions, later.directions, idc, strict=True):
        margin = direction.characteristics["margin_l2_attack"]
        assert isinstance(margin, Measure)
        assert margin.n == len(of.index) == len(direction.margins["test"].index) == 8
        assert direction.characteristics["idc"] is before
