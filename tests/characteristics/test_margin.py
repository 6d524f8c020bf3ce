"""Margins against the closed form of a hyperplane; wrong samples, samples without a point, both splits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from auditor.characteristics.base import Evidence, SampleMargins
from auditor.characteristics.margin import GeneratedDistance, Margin
from auditor.documents.results import Measure, Measured, NotMeasured
from tests.characteristics.evidence import empty, of_half_space, rng, sample_margins

SUFFIXES = (("", 0.5), ("_q05", 0.05), ("_q95", 0.95))


def measured(ev: Evidence) -> dict[str, Measured]:
    return dict(Margin().measure(ev, rng=rng()).measures)


def with_margins(**by_split: list[float]) -> Evidence:
    """The half-space with these margins of its samples."""
    _, ev = of_half_space()
    margins = {name: sample_margins(torch.arange(len(v)), torch.tensor(v)) for name, v in by_split.items()}
    return replace(ev, margins={"test": ev.margins["test"], "train": ev.margins["train"], **margins})


def test_margins_of_a_hyperplane_are_the_distances_of_unseen_samples_to_it():
    model, ev = of_half_space()
    for split, ending in (("test", ""), ("train", "_train")):
        true = model.distance(getattr(ev.source, split)).abs().numpy()
        for suffix, level in SUFFIXES:
            found = measured(ev)[f"margin_l2_attack{ending}{suffix}"]
            assert isinstance(found, Measure)
            assert found.value == pytest.approx(np.quantile(true, level), abs=2e-4)
            assert found.low <= found.value <= found.high
            assert found.n == len(true)


def test_the_way_of_the_generator_is_measured_apart_and_is_no_merit():
    model, ev = of_half_space()
    true = model.distance(ev.instances.x_source).abs().numpy()
    made = GeneratedDistance().measure(ev, rng=rng()).measures
    for suffix, level in SUFFIXES:
        assert made[f"margin_l2{suffix}"].value == pytest.approx(np.quantile(true, level), abs=2e-4)
        assert GeneratedDistance.definitions[f"margin_l2{suffix}"].better == "none"
    steepest = float((model.normal / model.normal.norm()).abs().max())
    assert made["margin_linf"].value == pytest.approx(np.median(true) * steepest, abs=1e-4)


def test_a_sample_that_the_model_gets_wrong_counts_with_margin_0():
    found = measured(with_margins(test=[0.0] * 30 + [1.0] * 70))
    assert found["margin_l2_attack"].value == 1.0
    assert found["margin_l2_attack_q05"].value == 0.0
    assert found["margin_l2_attack"].n == 100
    assert (found["already_wrong"].value, found["already_wrong"].n) == (0.3, 100)
    assert found["already_wrong_train"].value == 0.0
    assert measured(with_margins(test=[0.0] * 60 + [1.0] * 40))["margin_l2_attack"].value == 0.0


def test_a_sample_without_a_point_is_farther_than_what_was_tried_and_not_left_out():
    found = measured(with_margins(test=[*np.linspace(1, 2, 90), *[np.inf] * 10]))
    assert found["margin_l2_attack"].value == pytest.approx(np.linspace(1, 2, 90)[[49, 50]].mean(), abs=0.01)
    assert found["margin_l2_attack"].n == 100
    assert found["margin_l2_attack_q95"] == NotMeasured(
        not_measured="farther than 9: from 10 of 100 samples no point of the target class was found within that"
        " distance"
    )


def test_the_gap_is_the_difference_of_the_medians_and_holds_the_true_one():
    found = measured(with_margins(test=list(np.linspace(0, 2, 200)), train=list(np.linspace(1, 3, 200))))
    gap = found["margin_l2_attack_gap"]
    assert isinstance(gap, Measure)
    assert gap.value == pytest.approx(1.0, abs=0.02)
    assert 0 < gap.low < 1.0 < gap.high
    assert gap.n == 400


def test_series_shows_both_splits_and_the_instances_on_one_axis():
    _, ev = of_half_space(count=900)
    series = GeneratedDistance().measure(ev, rng=rng()).series
    for norm in ("l2", "linf"):
        groups = {group.label: group for group in series[f"margins_{norm}"].groups}
        assert list(groups) == [
            "test samples",
            "training samples",
            "boundary instances",
        ]
        assert [len(g.values) for g in groups.values()] == [300, 300, 300]
    boundary, source = ev.instances.x_boundary, ev.instances.x_source
    values = np.array(series["margins_l2"].groups[-1].values)
    assert np.median(values) == pytest.approx(float((boundary - source).norm(dim=1).median()), rel=0.1)
    assert all(len(f"{v:.10g}".lstrip("0.").replace(".", "").split("e")[0]) <= 4 for v in values)


def test_without_a_search_the_instances_are_still_measured():
    _, ev = of_half_space()
    none = NotMeasured(not_measured="no search was run")
    ev = replace(ev, margins=none)
    assert all(m == none for m in measured(ev).values())
    made = GeneratedDistance().measure(ev, rng=rng())
    assert made.measures["margin_l2"].n == len(ev.instances)
    assert [g.label for g in made.series["margins_l2"].groups] == ["boundary instances"]


def test_margins_are_there_although_nothing_was_generated():
    _, ev = of_half_space()
    nothing = replace(empty(ev.classifier), margins=ev.margins)
    assert measured(nothing) == measured(ev)
    reason = NotMeasured(not_measured="it takes 2 boundary instances; there are 0")
    assert all(m == reason for m in GeneratedDistance().measure(nothing, rng=rng()).measures.values())


def test_one_sample_is_too_few():
    found = measured(with_margins(test=[1.0]))
    few = NotMeasured(not_measured="it takes 2 test samples of the source class; there is 1")
    assert found["margin_l2_attack"] == found["margin_linf_attack_q95"] == few
    assert isinstance(found["margin_l2_attack_train"], Measure)
    assert isinstance(found["margin_l2_attack_gap"], NotMeasured)


def test_no_sample_at_all():
    none = SampleMargins(torch.empty(0, dtype=torch.int64), *[torch.empty(0)] * 4, "by hand")
    _, ev = of_half_space()
    found = measured(replace(ev, margins={"test": none, "train": none}))
    assert all(isinstance(m, NotMeasured) for m in found.values())
