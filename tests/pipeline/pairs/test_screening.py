"""What an audit says of a pair that did not come to the full level, and of what it says nothing."""

from __future__ import annotations

from statistics import median

from auditor.documents.pair_outcomes import ScreenedPart
from auditor.documents.results import Measure, NotMeasured
from auditor.documents.tasks import Task
from auditor.pipeline.pairs.margins import SCREENED
from auditor.pipeline.pairs.screening import only_screened
from auditor.pipeline.pairs.shard import Work
from auditor.pipeline.pairs.sources import first_of_class
from auditor.pipeline.pairs.tasks import run_task
from auditor.pipeline.stages import Stages

STAGES = Stages(lambda *_: None)


def screening(work: Work, samples: int = SCREENED) -> ScreenedPart:
    part = run_task(Task(kind="screen", pairs=((3, 8),), samples=samples), work, STAGES)
    assert isinstance(part, ScreenedPart)
    return part


def test_a_screened_pair_has_margins_of_its_samples_and_a_reason_for_everything_else(work: Work) -> None:
    part = screening(work)
    assert 0 < part.cost.backward < part.cost.forward
    found = only_screened(part.pairs[0], work, "no time")
    assert found.level == "screened"
    for first, direction in zip(part.pairs[0].directions, found.directions, strict=True):
        margin = direction.characteristics["margin_l2_attack"]
        assert isinstance(margin, Measure)
        assert margin.n == len(first.index) == SCREENED
        assert abs(margin.value - median(v for v in first.l2 if v is not None)) < 1e-6
        assert None not in (margin.ci_low, margin.ci_high)  # so few samples suffice for both ends
        wrong = direction.characteristics["already_wrong"]
        used = first_of_class(work.test.split, "test", direction.source, work.plan.settings.attacked, 0)
        assert isinstance(wrong, Measure)
        assert wrong.n == min(len(used), 8)  # of a full level with so many sources
        others = {id for id, m in direction.characteristics.items() if m == NotMeasured(not_measured="no time")}
        assert {"idc", "margin_l2", "margin_l2_attack_train", "margin_l2_attack_gap", "edc_test_accuracy"} <= others
        assert (direction.generation.requested, direction.sources.index) == (0, [])
        assert list(direction.margins) == ["test"]


def test_too_few_samples_have_a_median_and_no_interval(work: Work) -> None:
    found = only_screened(screening(work, 2).pairs[0], work, "no time")
    margin = found.directions[0].characteristics["margin_l2_attack"]
    assert isinstance(margin, Measure)
    assert (margin.n, margin.ci_low, margin.ci_high) == (2, None, None)
