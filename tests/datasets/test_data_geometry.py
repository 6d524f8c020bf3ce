"""Resizing and cropping are torchvision's, on files and on arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import v2

from auditor.datasets.fit_shape import adapt
from auditor.datasets.geometry import Geometry, parse_resize
from auditor.datasets.image_file import read_image
from auditor.errors import UsageError

RNG = np.random.default_rng(0)
PHOTOGRAPH = RNG.integers(0, 256, (37, 53, 3), dtype=np.uint8)
MODES = {"bilinear": v2.InterpolationMode.BILINEAR, "bicubic": v2.InterpolationMode.BICUBIC}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("resize", "crop"), [(30, (24, 24)), (64, (48, 50)), ((20, 25), None), (None, (60, 20))])
def test_files_are_prepared_as_by_torchvision(
    mode: str, resize: int | tuple[int, int] | None, crop: tuple[int, int] | None, tmp_path: Path
) -> None:
    steps = [] if resize is None else [v2.Resize(resize, MODES[mode])]
    steps += [] if crop is None else [v2.CenterCrop(crop)]
    image = Image.fromarray(PHOTOGRAPH)
    image.save(tmp_path / "image.png")
    found = read_image(tmp_path / "image.png", Geometry(resize, crop, mode)).pixels  # type: ignore[arg-type]
    assert np.array_equal(found.permute(1, 2, 0).numpy(), np.asarray(v2.Compose(steps)(image)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("resize", "crop"), [(30, (24, 24)), (64, (48, 50)), (None, (60, 20))])
def test_arrays_are_prepared_as_by_torchvision(mode: str, resize: int | None, crop: tuple[int, int]) -> None:
    pixels = torch.from_numpy(PHOTOGRAPH).permute(2, 0, 1)[None]
    steps = [] if resize is None else [v2.Resize(resize, MODES[mode], antialias=True)]
    expected = v2.Compose([*steps, v2.CenterCrop(crop)])(pixels.float() / 255).clamp(0, 1)
    found = adapt(pixels.float() / 255, (3, *crop), Geometry(resize, crop, mode)).pixels  # type: ignore[arg-type]
    assert torch.allclose(found, expected, atol=1e-6)


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 300))
def test_the_shorter_edge_and_the_middle_are_torchvisions(height: int, width: int, edge: int) -> None:
    resized = Geometry(resize=edge, crop=(edge, edge)).resized((height, width))
    image = torch.zeros(1, height, width, dtype=torch.uint8)
    assert resized == tuple(v2.functional.resize(image, [edge], v2.InterpolationMode.NEAREST).shape[1:])
    left, top, right, bottom = Geometry(crop=(edge, edge)).box(resized)
    assert (bottom - top, right - left) == (edge, edge)
    assert 0 <= left <= right <= resized[1]
    assert 0 <= top <= bottom <= resized[0]


def test_what_was_not_said_follows_from_the_model() -> None:
    assert Geometry().for_model((8, 9)) == Geometry(resize=(8, 9))
    assert Geometry(resize=256).for_model((224, 224)) == Geometry(resize=256, crop=(224, 224))
    assert Geometry(resize=64).for_model(None) == Geometry(resize=64, crop=(64, 64))
    assert Geometry().for_model(None) == Geometry()


@pytest.mark.parametrize("geometry", [Geometry(resize=(32, 32)), Geometry(crop=(30, 28)), Geometry(64, (32, 32))])
def test_another_size_than_the_models_is_a_usage_error(geometry: Geometry) -> None:
    with pytest.raises(UsageError, match="images of 28 x 28, which the model takes; found"):
        geometry.for_model((28, 28))


@pytest.mark.parametrize(
    ("text", "size"), [("256", 256), ("224x320", (224, 320)), ("8X8", (8, 8)), ("8\u00d79", (8, 9))]
)
def test_sizes_are_read(text: str, size: int | tuple[int, int]) -> None:
    assert parse_resize(text) == size


@pytest.mark.parametrize("text", ["", "0", "-3", "1x2x3", "x", "3.5", "99999"])
def test_what_is_no_size_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the message is the command line's
        parse_resize(text)
