"""The flags above the numbers: raised when they should be, silent when not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from auditor.datasets.base import Split
from auditor.documents.results import Coverage, Direction, Generation, Measure, NotMeasured, Sources, Validity
from auditor.models.classifier import Classifier, Preprocessing
from auditor.pipeline.model_facts.normalisations import tried
from auditor.pipeline.model_facts.performance import measure_performance
from auditor.pipeline.model_facts.predictions import Predictions, predict_split
from auditor.pipeline.model_facts.validity import (
    accuracy,
    covered,
    diversity,
    enough_sources,
    finite_outputs,
    generation,
)
from tests.analytic import HalfSpace, classifier

NOTHING = NotMeasured(not_measured="a reason")
NAMES = {0: "ant", 1: "bee"}


def direction(boundary: int, requested: int, varied: float | None = None) -> Direction:
    counts = Generation(
        requested=requested, adversarial=requested, adversarial_of_adversarial=requested, boundary=boundary,
        success_rate=NOTHING, mean_bisection_steps=NOTHING, max_probability_gap=NOTHING, third_class={}, failures={},
    )  # fmt: skip
    measures = {}
    if varied is not None:
        measures["diversity"] = Measure(value=varied, ci_low=varied, ci_high=varied, n=9, unit="ratio", scale="ratio")
    return Direction(
        source=0,
        target=1,
        sources=Sources(split="train", index=[]),
        margins={},
        flagged=[],
        generation=counts,
        baselines={},
        characteristics=measures,
        series={},
        samples=NOTHING,
    )


def flags(mean: tuple[float, ...] | None, std: tuple[float, ...] | None) -> Validity:
    """The accuracy flag of a model trained on pixels centred to -1..1 when it is audited with ``mean`` and ``std``."""
    inputs = 16
    x = torch.rand(200, inputs, generator=torch.Generator().manual_seed(0))
    model = HalfSpace(torch.ones(inputs), 0.0)  # class 1 where the mean of the centred pixels is positive
    f = replace(classifier(model, (inputs,), 2), preprocessing=Preprocessing("flat", mean, std))
    labels = (x.mean(dim=1) > 0.5).long()
    test = predict_split(f, Split(x, labels), lambda *_: None, "test")
    return accuracy(f, test, measure_performance(test, ["a", "b"], rng=torch.Generator()))


def test_the_right_normalisation_raises_no_flag():
    found = flags((0.5,), (0.5,))
    assert found.status == "ok"
    assert "tried" not in found.message


def test_a_wrong_normalisation_is_named_with_what_would_be_right():
    found = flags(None, None)
    assert found.status == "fail"
    assert "audit again with --mean 0.5 --std 0.5" in found.message
    assert "centred to -1..1 100 %" in found.message


def test_alternatives_that_do_not_fit_the_channels_are_not_tried():
    colour = classifier(HalfSpace(torch.ones(12), -6.0), (3, 2, 2), 2)
    grey = classifier(HalfSpace(torch.ones(4), -2.0), (1, 2, 2), 2)

    def names(f: Classifier) -> set[str]:
        shape = f.instance_shape
        return {way.name for way, _ in tried(f, Split(torch.rand(5, *shape), torch.zeros(5, dtype=torch.int64)))}

    assert {"ImageNet", "CIFAR-10", "pixels in 0..255"} < names(colour)
    assert "MNIST" not in names(colour)
    assert "MNIST" in names(grey)
    assert "ImageNet" not in names(grey)
    assert "pixels as they are" not in names(grey)


def test_a_model_that_nothing_helps_is_near_chance():
    x = torch.rand(200, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(200) % 2
    f = classifier(HalfSpace(torch.ones(4), -2.0), (4,), 2)
    test = predict_split(f, Split(x, labels), lambda *_: None, "test")
    found = accuracy(f, test, measure_performance(test, ["a", "b"], rng=torch.Generator()))
    assert found.status == "fail"
    assert "prepared otherwise than in training" in found.message


def test_outputs_that_are_not_finite():
    p = torch.tensor([[0.5, 0.5], [torch.nan, 0.5], [torch.inf, 0.0]])
    part = Predictions(Split(torch.zeros(3, 1), torch.zeros(3, dtype=torch.int64)), p, None)
    f = classifier(HalfSpace(torch.ones(1), -0.5), (1,), 2)
    assert finite_outputs(f, part, part).status == "fail"
    assert "4 of 6 samples" in finite_outputs(f, part, part).message
    good = Predictions(part.split, torch.ones(3, 2) / 2, None)
    assert finite_outputs(f, good, good).status == "ok"


@pytest.mark.parametrize(
    ("counts", "status", "said"),
    [
        ([(10, 10), (9, 10)], "ok", "19 of 20"),
        ([(10, 10), (8, 10)], "warn", "in 1 of 2 directions, fewest from ant to bee: 8 of 10"),
        ([(10, 10), (0, 10)], "warn", "0 of 10"),
        ([(4, 10), (3, 10)], "fail", "3 of 10"),
        ([(0, 0), (0, 0)], "fail", "No direction has a training sample that the model classifies right"),
        ([], "fail", "No pair of classes was audited."),
    ],
)
def test_success_of_generation(counts: list[tuple[int, int]], status: str, said: str):
    found = generation([direction(*one) for one in counts], NAMES)
    assert found.status == status
    assert said in found.message


def test_few_sources():
    assert enough_sources([direction(30, 30)], NAMES).status == "ok"
    found = enough_sources([direction(30, 30), direction(3, 3)], NAMES)
    assert (found.status, "ant to bee: 3" in found.message) == ("warn", True)


def test_few_sources_is_no_claim_about_the_model():
    """Few may have been asked for: ``--samples-per-class 3``."""
    said = enough_sources([direction(3, 3), direction(30, 30)], NAMES).message
    assert said.startswith("1 of 2 directions starts from fewer than 30 training samples, fewest from")
    assert enough_sources([direction(3, 3)] * 2, NAMES).message.startswith("2 of 2 directions start from fewer")


@pytest.mark.parametrize(
    ("audited", "possible", "said"),
    [
        (1, 1, "The only pair was audited."),
        (1, 45, "1 of 45 pairs of classes was audited (chosen by name)."),
        (3, 3, "All 3 pairs of classes were audited."),
    ],
)
def test_coverage_counts_in_good_grammar(audited: int, possible: int, said: str):
    coverage = Coverage(
        possible=possible, requested=audited, audited=audited, chosen="by name",
        errors_covered=NotMeasured(not_measured="no error"), missing=[], empty=[], reason="",
    )  # fmt: skip
    assert covered(coverage, []).message == said


@pytest.mark.parametrize(("values", "status"), [([1.0, 0.25], "ok"), ([1.0, 0.24], "warn"), ([None, None], "warn")])
def test_collapse(values: list[float | None], status: str):
    assert diversity([direction(9, 9, value) for value in values], NAMES).status == status
