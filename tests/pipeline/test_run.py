"""The pipeline as a function of its plan."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from auditor.documents.plan import Plan
from auditor.documents.results import Measure, Results
from auditor.pipeline.run import run

DIGITS_FCN = Path(__file__).parents[2] / "sample_models" / "digits_fcn.onnx"


@cache
def results(pairs: str, seed: int = 0, generator: str = "deepdig") -> Results:
    plan = Plan(
        model={"path": str(DIGITS_FCN)}, data={"data": "digits"}, pairs=pairs, profile="quick", samples_per_class=8,
        seed=seed, generator=generator,
    )  # fmt: skip
    return run(plan, lambda *_: None)[0]


def test_a_pair_does_not_depend_on_the_others_asked_for():
    alone, beside_another = results("3:8"), results("3:8,4:9")
    forth = alone.pairs[0].model_dump()
    assert forth == beside_another.pairs[0].model_dump()


def test_another_seed_draws_other_sources():
    one, other = (results("3:8", seed).pairs[0].directions[0].characteristics["margin_l2"] for seed in (0, 1))
    assert isinstance(one, Measure)
    assert isinstance(other, Measure)
    assert one.value != other.value


def test_a_baseline_as_the_chosen_generator_is_not_its_own_baseline():
    found = results("3:8", generator="rpbs")
    assert found.settings.generator == "rpbs"
    for direction in found.pairs[0].directions:
        assert set(direction.baselines) == {"epbs"}
        assert direction.generation.adversarial == direction.generation.requested


def test_every_stage_reports_progress_up_to_its_end():
    seen: dict[str, tuple[int, int]] = {}

    def report(stage: str, done: int, total: int, detail: str = "") -> None:
        seen[stage] = done, total

    plan: Any = {"pairs": "3:8", "profile": "quick", "samples_per_class": 4, "generator": "rpbs"}
    _, run_facts = run(Plan(model={"path": str(DIGITS_FCN)}, data={"data": "digits"}, **plan), report)
    assert {"model and data", "predictions", "class pairs"} <= set(seen)
    assert {"RPBS", "Characteristics"} <= set(run_facts.stages)
    assert seen["predictions"][0] == seen["predictions"][1]
