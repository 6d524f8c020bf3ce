"""Which instances are shown, and that their pixels are those that were audited."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from auditor.boundary.base import BoundaryInstances
from auditor.documents.results import NotMeasured, SampleGrid
from auditor.models.classifier import Classifier
from auditor.pipeline.pairs.sample_images import CELLS, chosen_rows, distances, sample_grid, shrink_factor
from tests.analytic import HalfSpace, classifier


def model(shape: tuple[int, ...]) -> Classifier:
    size = int(np.prod(shape))
    return classifier(HalfSpace(torch.ones(size), -size / 2), shape, 2)


def instances(count: int, shape: tuple[int, ...], seed: int = 0) -> BoundaryInstances:
    rng = torch.Generator().manual_seed(seed)
    x = [torch.rand(count, *shape, generator=rng) for _ in range(4)]
    p = torch.softmax(torch.rand(count, 4, generator=rng), dim=1)
    steps = torch.ones(count, dtype=torch.int64)
    return BoundaryInstances(0, 1, *x, p, steps, count, count, count, torch.arange(count), 0 * steps)


def pixels(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def grid(found: BoundaryInstances, shape: tuple[int, int, int], factor: int = 1) -> SampleGrid:
    made = sample_grid(model(shape), found, shape, factor)
    assert isinstance(made, SampleGrid)
    return made


def test_rows_stand_for_what_they_say():
    found = instances(41, (1, 4, 4))
    distance = distances(found)
    rows = chosen_rows(found)
    assert list(rows) == ["typical", "nearest", "farthest", "strangest"]
    assert len(set(rows.values())) == 4
    assert distance[rows["typical"]] == distance.median()
    assert distance[rows["nearest"]] == distance.min()
    assert distance[rows["farthest"]] == distance.max()
    others = [row for row in range(41) if row not in list(rows.values())[:3]]
    sure = found.p_boundary[:, :2].sum(dim=1)
    assert sure[rows["strangest"]] == sure[others].min()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_instances_give_few_rows(count: int):
    assert len(grid(instances(count, (1, 4, 4)), (1, 4, 4)).rows) == count


@pytest.mark.parametrize("shape", [(1, 4, 6), (3, 4, 6)])
def test_pixels_are_those_audited(shape: tuple[int, int, int]):
    found = instances(1, shape)
    made = grid(found, shape)
    assert (made.height, made.width) == shape[1:]
    cells = {cell.role: pixels(cell.png) for cell in made.rows[0].cells}
    assert list(cells) == ["source", "adversarial", "adversarial_of_adversarial", "boundary", "difference"]
    for role in ("source", "adversarial", "adversarial_of_adversarial", "boundary"):
        expected = (getattr(found, f"x_{role}")[0] * 255).round().byte().permute(1, 2, 0).squeeze(2).numpy()
        np.testing.assert_array_equal(cells[role], expected)
    difference = (found.x_boundary - found.x_source)[0].mean(dim=0).numpy()
    np.testing.assert_allclose(cells["difference"].astype(float), 128 + 127 * difference, atol=0.5001)


def test_the_difference_of_nothing_is_grey_128_and_its_ends_are_1_and_255():
    found = instances(1, (1, 1, 3))
    found = replace(found, x_source=torch.tensor([[[[1.0, 0.5, 0.0]]]]), x_boundary=torch.tensor([[[[0.0, 0.5, 1.0]]]]))
    assert pixels(grid(found, (1, 1, 3)).rows[0].cells[-1].png).tolist() == [[1, 128, 255]]


def test_the_models_top_two_classes_stand_under_each_image():
    found = instances(3, (1, 2, 2))
    for cell in grid(found, (1, 2, 2)).rows[0].cells[:-1]:
        assert sorted(top.index for top in cell.top) == [0, 1]
        assert cell.top[0].probability >= cell.top[1].probability
        assert sum(top.probability for top in cell.top) == pytest.approx(1)


def test_large_images_are_reduced_to_a_bounded_size():
    assert shrink_factor((1, 28, 28), 20) == 1
    assert shrink_factor((3, 32, 32), 20) == 1
    factor = shrink_factor((3, 224, 224), 20)
    assert 20 * CELLS * 3 * (224 / factor) ** 2 <= 4_000_000
    made = grid(instances(1, (3, 9, 6)), (3, 9, 6), factor=4)
    assert (made.height, made.width) == (3, 2)
    assert pixels(made.rows[0].cells[0].png).shape == (3, 2, 3)


def test_what_cannot_be_shown_says_why():
    two_channels = sample_grid(model((2, 4, 4)), instances(3, (2, 4, 4)), (2, 4, 4), 1)
    vectors = sample_grid(model((16,)), instances(3, (16,)), None, 1)
    nothing = sample_grid(model((1, 4, 4)), instances(0, (1, 4, 4)), (1, 4, 4), 1)
    assert [type(one) for one in (two_channels, vectors, nothing)] == [NotMeasured] * 3
