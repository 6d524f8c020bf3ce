"""``adapt``: shapes and values, against closed forms, Pillow and torchvision, and as a property."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from auditor.datasets.fit_shape import Wanted, adapt, luma, resize
from auditor.errors import InputRefused


def random_pixels(shape: tuple[int, ...], dtype: torch.dtype, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    if dtype == torch.uint8:
        return torch.randint(0, 256, shape, generator=rng, dtype=torch.uint8)
    return torch.rand(shape, generator=rng)


@pytest.mark.parametrize(
    ("shape", "wanted", "expected"),
    [
        ((1, 8, 8), None, (1, 8, 8)),
        ((1, 8, 8), (1, 8, 8), (1, 8, 8)),
        ((3, 8, 6), (None, None, None), (3, 8, 6)),
        ((5, 8, 6), (5, None, None), (5, 8, 6)),
        ((12,), None, (12,)),
        ((12,), (12,), (12,)),
        ((12,), (None,), (12,)),
    ],
)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_samples_that_fit_are_left_alone(shape, wanted, expected, dtype: torch.dtype) -> None:
    pixels = random_pixels((4, *shape), dtype)
    done = adapt(pixels, wanted)
    assert done.pixels is pixels
    assert done.notes == ()
    assert done.image_shape == (shape if len(shape) == 3 and shape[0] in (1, 3) else None)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_images_to_vectors_and_back_are_exact(dtype: torch.dtype) -> None:
    images = random_pixels((4, 3, 5, 7), dtype)
    vectors = adapt(images, (105,))
    assert vectors.pixels.shape == (4, 105)
    assert vectors.image_shape == (3, 5, 7)
    assert vectors.notes == ("Images of 3 x 5 x 7 were flattened to vectors of 105.",)
    again = adapt(vectors.pixels, (3, 5, 7))
    assert torch.equal(again.pixels, images)
    assert again.image_shape == (3, 5, 7)
    assert again.notes == ("Vectors of 105 were shaped into images of 3 x 5 x 7, channels first.",)


def test_grey_is_repeated_into_three_channels() -> None:
    images = random_pixels((4, 1, 5, 7), torch.uint8)
    done = adapt(images, (3, None, 7))
    assert done.pixels.dtype == torch.uint8
    assert all(torch.equal(done.pixels[:, channel], images[:, 0]) for channel in range(3))
    assert done.notes == ("Grey images were repeated into three channels.",)


def test_luma_of_bytes_is_pillows() -> None:
    # 65,536 colours: red and green in steps of 4 and 8, blue in steps of 8, ends included.
    axes = [torch.linspace(0, 255, steps).round().to(torch.uint8) for steps in (64, 32, 32)]
    colours = torch.cartesian_prod(*axes).T.reshape(1, 3, 256, 256)
    theirs = Image.fromarray(colours[0].permute(1, 2, 0).numpy()).convert("L")
    assert np.array_equal(luma(colours)[0, 0].numpy(), np.asarray(theirs))


def test_luma_of_floats() -> None:
    corners = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0]]).view(5, 3, 1, 1)
    done = adapt(corners, (1, 1, 1))
    assert torch.allclose(done.pixels.flatten(), torch.tensor([0.299, 0.587, 0.114, 1, 0]))
    assert done.notes == ("Colour images were converted to grey (luma of ITU-R BT.601).",)


def test_halving_by_the_closed_form_of_antialiased_bilinear_weights() -> None:
    # A triangle two output pixels wide, at output i centred on input 2i + 0.5: weights 1/8, 3/8, 3/8, 1/8.
    row = torch.tensor([0.0, 8, 16, 80, 160, 200, 240, 248]).to(torch.uint8).view(1, 1, 1, 8)
    image = row.expand(1, 1, 8, 8)
    inner = [(8 + 3 * 16 + 3 * 80 + 160) / 8, (80 + 3 * 160 + 3 * 200 + 240) / 8]
    for line in resize(image, (4, 4))[0, 0].tolist():
        assert line[1:3] == inner
    floats = resize(image.float() / 255, (4, 4))
    assert torch.allclose(floats[0, 0, :, 1:3] * 255, torch.tensor(inner), atol=1e-4)


@pytest.mark.parametrize("size", [(16, 16), (24, 20), (57, 40), (32, 17)])
def test_resizing_real_photographs_agrees_with_torchvision_and_pillow(size: tuple[int, int], real_images) -> None:
    photographs = torch.from_numpy(real_images("cifar10")[0]).permute(0, 3, 1, 2)
    ours = adapt(photographs, (3, *size)).pixels
    assert ours.dtype == torch.uint8
    theirs = v2.functional.resize(photographs, list(size), antialias=True)
    assert (ours.int() - theirs.int()).abs().max() <= 1
    for image, mine in zip(photographs, ours, strict=True):
        pillow = Image.fromarray(image.permute(1, 2, 0).numpy()).resize(size[::-1], Image.Resampling.BILINEAR)
        # Pillow rounds after each of its two passes.
        assert np.abs(np.asarray(pillow).astype(int) - mine.permute(1, 2, 0).numpy().astype(int)).max() <= 1


def test_resizing_in_chunks_changes_nothing() -> None:
    images = random_pixels((600, 1, 4, 4), torch.float32)
    whole = resize(images, (6, 5))
    assert torch.equal(whole[300:310], resize(images[300:310], (6, 5)))
    assert whole.shape == (600, 1, 6, 5)


def test_notes_of_all_that_is_done() -> None:
    done = adapt(random_pixels((2, 3, 8, 6), torch.uint8), (1, 4, 4))
    assert done.notes == (
        "Colour images were converted to grey (luma of ITU-R BT.601).",
        "Images of 8 x 6 pixels were resized to 4 x 4 (bilinear, antialiased).",
        "The aspect ratio was not kept.",
    )


@pytest.mark.parametrize(
    ("shape", "wanted", "message"),
    [
        ((1, 28, 28), (64,), "input of shape 64; found images of 1 x 28 x 28"),
        ((784,), (64,), "input of shape 64; found vectors of 784"),
        ((784,), (1, 8, 8), "input of shape 1 x 8 x 8; found vectors of 784"),
        ((784,), (1, None, None), "input of shape 1 x any x any; found vectors of 784"),
        ((4, 8, 8), (3, 8, 8), "input of shape 3 x 8 x 8; found images of 4 x 8 x 8"),
        ((1, 8, 8), (2, 8, 8), "input of shape 2 x 8 x 8; found images of 1 x 8 x 8"),
        ((3, 8, 8), (3, 4, 8, 8), "input of shape 3 x 4 x 8 x 8; found images of 3 x 8 x 8"),
    ],
)
def test_what_cannot_be_adapted_is_refused_with_both_shapes(shape, wanted, message: str) -> None:
    with pytest.raises(InputRefused, match=message):
        adapt(torch.zeros(2, *shape), wanted)


@st.composite
def pixels_and_wanted(draw: st.DrawFn) -> tuple[Tensor, Wanted]:
    channels, height, width = draw(st.sampled_from([1, 3])), draw(st.integers(1, 12)), draw(st.integers(1, 12))
    dtype = draw(st.sampled_from([torch.uint8, torch.float32]))
    pixels = random_pixels((draw(st.integers(1, 3)), channels, height, width), dtype, draw(st.integers(0, 999)))
    if draw(st.booleans()):  # extremes, where overshoot would show
        pixels = (pixels.float() > (127 if dtype == torch.uint8 else 0.5)).to(dtype) * (
            255 if dtype == torch.uint8 else 1
        )
    vector = st.sampled_from([(channels * height * width,), (None,)])
    size = st.one_of(st.none(), st.integers(1, 20))
    image = st.tuples(st.sampled_from([1, 3, None]), size, size)
    return pixels, draw(st.one_of(st.none(), vector, image))


@given(pixels_and_wanted())
def test_values_stay_in_range_and_the_shape_is_the_wanted_one(case: tuple[Tensor, Wanted]) -> None:
    pixels, wanted = case
    done = adapt(pixels, wanted)
    assert done.pixels.dtype == pixels.dtype
    low, high = done.pixels.aminmax()
    assert low >= pixels.min() - 1e-6
    assert high <= pixels.max() + 1e-6
    assert low >= 0
    assert high <= (255 if pixels.dtype == torch.uint8 else 1)
    assert len(done.pixels) == len(pixels)
    have = wanted if wanted is not None else (None,) * 3
    assert len(done.pixels.shape[1:]) == len(have)
    assert all(size in (None, got) for size, got in zip(have, done.pixels.shape[1:], strict=True))
    assert done.image_shape is not None
    assert np.prod(done.image_shape) == done.pixels[0].numel()
