"""Boundary instances before another model: for a plane that was moved, the share that stays is known."""

from __future__ import annotations

import math

import pytest
import torch

from auditor.documents.results import Measure, NotMeasured
from auditor.errors import InputRefused
from auditor.models.classifier import Classifier
from auditor.pipeline.boundary_transfer import TOLERANCE, kept, without_jumps
from auditor.pipeline.pairs.instance_files import SavedInstances
from tests.analytic import HalfSpace, Sectors, classifier


def plane() -> Classifier:
    """Class 1 where x_0 > 0.5."""
    return classifier(HalfSpace(torch.tensor([1.0, 0.0]), -0.5), (2,), 2)


def saved(source: int, target: int, x: torch.Tensor) -> SavedInstances:
    return SavedInstances(source, target, x, torch.zeros(len(x)))


def test_a_plane_keeps_what_lies_near_it() -> None:
    # |p_0 - p_1| = tanh(|z| / 2) with z = x_0 - 0.5 stays below the tolerance up to here.
    reach = 2 * math.atanh(TOLERANCE)
    x = torch.tensor([[0.5 + share * reach, 0.3] for share in (0.0, 0.9, -0.9, 1.1, -1.1, -1.5, 2.0, -2.0)])
    found = kept(plane(), saved(0, 1, x))
    assert isinstance(found.kept, Measure)
    assert (found.kept.value, found.kept.n) == (3 / 8, 8)
    assert found.kept.ci_low < 3 / 8 < found.kept.ci_high
    assert (found.to_source, found.to_target, found.to_third) == (3, 2, 0)
    back = kept(plane(), saved(1, 0, x))
    assert (back.to_source, back.to_target) == (2, 3)


def test_a_boundary_with_a_third_class_is_another_one() -> None:
    thirds = classifier(Sectors(), (2,), 3)
    middle = torch.tensor([[0.5, 0.5], [0.5, 0.2]])  # all three meet; below it lies the ray between classes 1 and 2
    found = kept(thirds, saved(1, 2, middle[1:]))
    assert isinstance(found.kept, Measure)
    assert found.kept.value == 1
    other = kept(thirds, saved(0, 1, middle[1:]))
    assert isinstance(other.kept, Measure)
    assert other.kept.value == 0


def test_no_instance_is_no_measure() -> None:
    found = kept(plane(), saved(0, 1, torch.empty(0, 2)))
    assert isinstance(found.kept, NotMeasured)


def test_models_of_another_task_are_refused() -> None:
    for strange in (saved(0, 2, torch.zeros(1, 2)), saved(0, 1, torch.zeros(1, 3))):
        with pytest.raises(InputRefused, match="of these instances"):
            kept(plane(), strange)


def test_jumps_are_left_out() -> None:
    x = torch.arange(3.0)[:, None]
    left = without_jumps(SavedInstances(0, 1, x, torch.tensor([0.0, 1.0, 0.04])))
    assert left.x.flatten().tolist() == [0.0, 2.0]
    assert len(left.gap) == 2
