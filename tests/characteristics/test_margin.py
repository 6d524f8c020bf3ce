"""Margins against the closed form of a hyperplane, and what is missing without an attack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from auditor.boundary.minimal_norm import NearestPoints
from auditor.characteristics.margin import AttackMargin, Margin
from auditor.results import NotMeasured
from tests.characteristics.evidence import empty, of_half_space, rng


def test_margins_of_a_hyperplane_are_distances_to_it():
    model, ev = of_half_space()
    true = model.distance(ev.instances.x_source).abs().numpy()
    made = Margin().measure(ev, rng=rng()).measures
    attacked = AttackMargin().measure(ev, rng=rng()).measures
    for suffix, level in (("", 0.5), ("_q05", 0.05), ("_q95", 0.95)):
        for found in (made[f"margin_l2{suffix}"], attacked[f"margin_l2_attack{suffix}"]):
            assert found.value == pytest.approx(np.quantile(true, level), abs=2e-4)
            assert found.ci_low <= found.value <= found.ci_high
            assert found.n == len(true)
    steepest = float((model.normal / model.normal.norm()).abs().max())
    assert made["margin_linf"].value == pytest.approx(np.median(true) * steepest, abs=1e-4)


def test_only_found_points_of_attacked_sources_count():
    _, ev = of_half_space()
    x = ev.instances.x_source
    index = torch.tensor([5, 9, 2, 7])
    up = x[index] + torch.tensor([0.1, 0.2, 0.3, 9.0])[:, None] * torch.eye(12)[0]
    found = torch.tensor([True, True, True, False])
    measures = (
        AttackMargin().measure(replace(ev, nearest=NearestPoints(index, up, up, found, ~found)), rng=rng()).measures
    )
    assert measures["margin_l2_attack"].value == pytest.approx(0.2, abs=1e-6)
    assert measures["margin_l2_attack"].n == 3
    reason = NotMeasured(not_measured="the attack reached the target class from 1 of 4 instances")
    assert {measures[f"margin_linf_attack{q}"] == reason for q in ("", "_q05", "_q95")} == {True}


def test_series_shows_both_ways_on_one_axis():
    _, ev = of_half_space(count=900)
    series = Margin().measure(ev, rng=rng()).series
    for norm in ("l2", "linf"):
        groups = {group.label: group for group in series[f"margins_{norm}"].groups}
        assert set(groups) == {"boundary instances", "minimal-norm attack"}
        assert [len(g.values) for g in groups.values()] == [300, 300]
    boundary, source = ev.instances.x_boundary, ev.instances.x_source
    values = np.array(series["margins_l2"].groups[0].values)
    assert np.median(values) == pytest.approx(float((boundary - source).norm(dim=1).median()), rel=0.1)
    assert all(len(f"{v:.10g}".lstrip("0.").replace(".", "").split("e")[0]) <= 4 for v in values)


def test_without_an_attack_the_instances_are_still_measured():
    _, ev = of_half_space()
    no_gradient = NotMeasured(not_measured="the model has no gradient")
    ev = replace(ev, nearest=no_gradient)
    assert all(m == no_gradient for m in AttackMargin().measure(ev, rng=rng()).measures.values())
    made = Margin().measure(ev, rng=rng())
    assert made.measures["margin_l2"].n == len(ev.instances)
    assert [g.label for g in made.series["margins_l2"].groups] == ["boundary instances"]


def test_without_instances_nothing_is_measured():
    _, ev = of_half_space()
    reason = NotMeasured(not_measured="it takes 2 boundary instances; there are 0")
    assert all(m == reason for m in Margin().measure(empty(ev.classifier), rng=rng()).measures.values())
