"""Margins of single samples against the closed form of a plane, whatever the model says of the samples."""

from __future__ import annotations

import pytest
import torch

from auditor.boundary.minimal_norm_attack import NearestSearch
from auditor.characteristics.base import SampleMargins
from auditor.datasets.base import Split
from auditor.documents.plan import Plan
from auditor.pipeline.model_facts.predictions import Predictions, predict_split
from auditor.pipeline.pairs.margins import document, sample_margins, screened
from auditor.pipeline.pairs.sources import first_of_class
from auditor.pipeline.stages import Stages
from tests.analytic import around_the_middle, half_space

MODEL, F = half_space(8)


def answers(count: int, seed: int) -> Predictions:
    """Points around a plane; every seventh label is wrong."""
    x = around_the_middle(count, 8, seed)
    labels = F.predict(x)
    labels[::7] = 1 - labels[::7]
    return predict_split(F, Split(x, labels), lambda *_: None, "")


TRAIN, TEST = answers(300, 1), answers(120, 2)


def margins(profile: str = "quick", samples: int | None = None) -> list[dict[str, SampleMargins]]:
    plan = Plan(model={"path": ""}, profile=profile, samples_per_class=samples)
    by_split = {"test": TEST, "train": TRAIN}
    return sample_margins(F, by_split, [(0, 1), (1, 0)], NearestSearch(), plan, Stages(lambda *_: None))


def test_each_margin_is_the_distance_to_the_plane_and_0_where_the_model_is_wrong():
    for (source, _), by_split in zip([(0, 1), (1, 0)], margins(), strict=True):
        for name, of, most in (("test", TEST, 24), ("train", TRAIN, 8)):
            found = by_split[name]
            assert torch.equal(found.index, first_of_class(of.split, name, source, most, seed=0))
            true = MODEL.distance(of.split.pixels[found.index]).abs().float()
            right = of.correct[found.index]
            assert 0 < int((~right).sum()) < 12
            assert (found.l2[~right] == 0).all()
            assert (found.linf[~right] == 0).all()
            torch.testing.assert_close(found.l2[right], true[right], rtol=0.02, atol=1e-4)


def test_a_full_level_goes_on_from_the_first_samples_to_the_same_numbers_at_the_same_cost():
    plan = Plan(model={"path": ""}, profile="quick")
    by_split, search, stages = {"test": TEST, "train": TRAIN}, NearestSearch(), Stages(lambda *_: None)

    def spent() -> int:
        return F.spent.backward

    before = spent()
    whole = sample_margins(F, by_split, [(0, 1), (1, 0)], search, plan, stages)
    at_once, before = spent() - before, spent()
    first = screened(F, by_split, [(0, 1)], 3, search, plan, stages)
    few = {(d.source, d.target): d for pair in first for d in pair.directions}
    second = screened(F, by_split, [(0, 1)], 8, search, plan, stages, few)
    assert [pair.samples for pair in (*first, *second)] == [3, 8]
    known = {(d.source, d.target): d for pair in second for d in pair.directions}
    assert all(known[d].index[:3] == few[d].index and known[d].l2[:3] == few[d].l2 for d in few)
    onward = sample_margins(F, by_split, [(0, 1), (1, 0)], search, plan, stages, known)
    assert spent() - before == pytest.approx(at_once, rel=0.01)  # rounding may call for a further descent
    for one, other in zip(whole, onward, strict=True):
        for name in ("test", "train"):
            assert torch.equal(one[name].index, other[name].index)
            # Other batches round otherwise, so a descent may take another step.
            torch.testing.assert_close(one[name].l2, other[name].l2, rtol=2e-3, atol=1e-4)
            torch.testing.assert_close(one[name].linf, other[name].linf, rtol=2e-3, atol=1e-4)


def test_no_more_samples_than_asked_for():
    assert {len(m) for by_split in margins(samples=7) for m in by_split.values()} == {7}


def test_what_was_not_found_is_null_with_how_far_was_looked():
    found = SampleMargins(
        index=torch.tensor([4, 7, 9]),
        l2=torch.tensor([0.123456789, torch.inf, 0.0]),
        linf=torch.tensor([0.1, 0.2, 0.0]),
        tried_l2=torch.tensor([1.0, 2.5, 0.0]),
        tried_linf=torch.tensor([1.0, 1.0, 0.0]),
        method="by hand",
    )
    written = document(found)
    assert written.index == [4, 7, 9]
    assert written.l2 == [pytest.approx(0.123457), None, 0.0]
    assert (written.tried_l2, written.tried_linf) == (2.5, None)
