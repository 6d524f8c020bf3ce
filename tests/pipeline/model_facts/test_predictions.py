"""The table of single samples: all of the test split, those that matter of the training split, by place and file."""

from __future__ import annotations

import pytest
import torch

from auditor.datasets.base import Split
from auditor.documents.results import Direction, Flagged, Generation, Margins, NotMeasured, Pair, Sources
from auditor.pipeline.model_facts.predictions import predict_split, samples_of
from tests.analytic import around_the_middle, half_space

_, F = half_space(8)


def direction(source: int, target: int, used: list[int], flagged: list[int]) -> Direction:
    none = NotMeasured(not_measured="not part of this test")
    counts = Generation(
        requested=0, adversarial=0, adversarial_of_adversarial=0, boundary=0, success_rate=none,
        mean_bisection_steps=none, max_probability_gap=none, third_class={}, failures={},
    )  # fmt: skip
    margins = Margins(index=[1], l2=[0.5], linf=[0.1], tried_l2=None, tried_linf=None, method="by hand")
    return Direction(
        source=source, target=target, sources=Sources(split="train", index=used), margins={"train": margins},
        flagged=[Flagged(flag="a flag", split="train", index=flagged)], generation=counts, baselines={},
        characteristics={}, series={}, samples=none,
    )  # fmt: skip


def test_rows_are_those_that_matter_with_what_the_model_says_of_them():
    x = around_the_middle(40, 8, seed=1)
    labels = F.predict(x)
    labels[[11, 30]] = 1 - labels[[11, 30]]
    train = predict_split(F, Split(x, labels, tuple(f"train/{i}.png" for i in range(40))), lambda *_: None, "train")
    test = predict_split(F, Split(x[:5], labels[:5]), lambda *_: None, "test")
    pair = Pair(
        classes=(0, 1), names=("a", "b"), characteristics={},
        directions=[direction(0, 1, [3, 5], [20]), direction(1, 0, [7], [])],
    )  # fmt: skip
    table = samples_of(train, test, [pair])
    assert table.test.index == [0, 1, 2, 3, 4]
    assert table.test.file == []
    assert table.train.index == [1, 3, 5, 7, 11, 20, 30]
    assert table.train.file[0] == "train/1.png"
    z = torch.nn.functional.pad(logit_of_class_1(x), (1, 0))
    for row, place in enumerate(table.train.index):
        label = int(labels[place])
        assert table.train.label[row] == label
        assert table.train.predicted[row] == int(z[place].argmax())
        assert table.train.runner_up[row] == 1 - label
        assert table.train.logit_margin[row] == pytest.approx(float(z[place, label] - z[place, 1 - label]), rel=1e-4)
        assert table.train.p_label[row] == pytest.approx(float(z[place].softmax(0)[label]), rel=1e-4)


def logit_of_class_1(x: torch.Tensor) -> torch.Tensor:
    """The logit of class 1, float32 ``(N, 1)``."""
    return half_space(8)[0](x)[:, 1:]


def test_an_output_that_is_not_finite_is_null():
    x = around_the_middle(6, 8, seed=1)
    test = predict_split(F, Split(x, F.predict(x)), lambda *_: None, "test")
    test.probabilities[2] = torch.nan
    table = samples_of(test, test, []).test
    assert (table.predicted[2], table.p_label[2], table.logit_margin[2], table.runner_up[2]) == (None,) * 4
    assert None not in (table.predicted[1], table.p_label[1])
