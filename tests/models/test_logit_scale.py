"""Logits times anything have the same boundary: rescaled where they have to be, or refused with that reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from auditor.boundary.base import on_boundary
from auditor.errors import InputRefused
from auditor.functional.bisection import bisect
from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import MOST_CLASSES, Bound, bind
from auditor.models.logit_scale import rescaling
from auditor.models.open import open_model
from tests.analytic import around_the_middle, half_space
from tests.models.changing import Scaled, script
from tests.models.torchscript.torchscript_files import noise, save

OPTIONS = ModelOptions(device="cpu")
PLANE, X = half_space(16)[0], around_the_middle(300, 16, seed=1)
SCALES = [1e-8, 1e-6, 1e-4, 1e-2, 1.0, 1e2, 1e4, 1e6, 1e8]


def bound(k: float, folder: Path, *, softmax: bool = False) -> Bound:
    return bind(open_model(script(Scaled(PLANE, k, softmax), folder), OPTIONS), X, OPTIONS)


@pytest.mark.parametrize("k", SCALES)
def test_a_plane_is_one_boundary_at_every_scale(k: float, tmp_path: Path):
    f, truth = bound(k, tmp_path).classifier, (PLANE.distance(X) > 0).long()
    assert torch.equal(f.predict(X), truth)
    a, b = X[truth == 0], X[truth == 1]
    n = min(len(a), len(b))
    found = bisect(f.probabilities, a[:n], b[:n], torch.zeros(n, dtype=torch.int64), torch.ones(n, dtype=torch.int64))
    assert found.reached.all()
    assert PLANE.distance(found.x).abs().max() < 1e-4


@pytest.mark.parametrize(("k", "rescales"), [(1e-8, True), (1e-4, True), (1.0, False), (1e2, False), (1e6, True)])
def test_it_says_where_it_rescales(k: float, rescales: bool, tmp_path: Path):
    checks = {check.id: check for check in bound(k, tmp_path).checks}
    assert ("logit_scale" in checks) == rescales
    if rescales:
        assert checks["logit_scale"].status == "warn"
        assert ("small" if k < 1 else "large") in checks["logit_scale"].message


@pytest.mark.parametrize("k", [1e-5, 1e-6])
def test_probabilities_that_tell_nothing_apart_are_refused(k: float, tmp_path: Path):
    with pytest.raises(InputRefused, match="half of the samples, where 1e-4 counts as a tie; export the logits"):
        bound(k, tmp_path, softmax=True)


def test_the_factor_is_a_power_of_two():
    scores = torch.tensor([[1.0, 4.0, 0.0], [2.0, 0.0, -1.0]])
    assert rescaling(scores, "logits") == 1.0
    assert rescaling(1e-6 * scores, "logits") == 2.0**23
    assert rescaling(1e6 * scores, "logits") == 2.0**-17
    assert rescaling(0 * scores, "logits") == 1.0
    assert rescaling(1e-6 * scores[:, :1], "logits") == 2.0**24


def test_flat_probabilities_satisfy_the_criterion_everywhere():
    """What the rescaling is for."""
    flat = torch.softmax(1e-5 * noise(50, 3), dim=1)
    assert on_boundary(flat, 0, 1).float().mean() > 0.2


def test_a_million_classes_are_refused_by_one_sample(tmp_path: Path):
    class Wide(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.size(0) == 1
            return x[:, :1].expand(x.size(0), 1000000)

    path = save(Wide(), tmp_path / "wide.pt", "script", noise(1, 16))
    with pytest.raises(InputRefused, match=f"at most {MOST_CLASSES:,} classes; found 1,000,000"):
        bind(open_model(path, OPTIONS), noise(300, 16), OPTIONS)
