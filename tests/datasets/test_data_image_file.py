"""Single image files: real photographs in every kind of file, and files that cannot be read."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageFile, ImageOps

from auditor.datasets.geometry import UNCHANGED, Geometry
from auditor.datasets.image_file import UnreadableImage, read_image

Photograph = Image.Image


@pytest.fixture
def photograph(real_image_files) -> Photograph:
    """60 x 40 pixels of a real photograph: not square, so that a turn shows."""
    return Image.open(real_image_files("imagenet")[0][0]).crop((100, 100, 160, 140))


def pixels_of(image: Image.Image) -> torch.Tensor:
    array = torch.from_numpy(np.array(image))
    return array.unsqueeze(0) if array.dim() == 2 else array.permute(2, 0, 1)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".ppm", ".webp", ".jpg", ".jpeg"])
def test_formats(suffix: str, photograph: Photograph, tmp_path: Path) -> None:
    path = tmp_path / f"image{suffix}"
    photograph.save(path, **({"lossless": True} if suffix == ".webp" else {}))
    read = read_image(path, UNCHANGED)
    expected = pixels_of(Image.open(path) if suffix in (".jpg", ".jpeg") else photograph)
    assert torch.equal(read.pixels, expected)
    assert read.pixels.dtype == torch.uint8
    assert (read.size, read.changes) == ((40, 60), ())


@pytest.mark.parametrize("mode", ["1", "L"])
def test_grey_stays_one_channel(mode: str, photograph: Photograph, tmp_path: Path) -> None:
    photograph.convert(mode).save(tmp_path / "image.png")
    read = read_image(tmp_path / "image.png", UNCHANGED)
    assert torch.equal(read.pixels, pixels_of(photograph.convert(mode).convert("L")))
    assert read.changes == ()


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_270),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_90),
    ],
)
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_exif_orientation(
    orientation: int, turn: Image.Transpose | None, suffix: str, photograph: Photograph, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    photograph.save(tmp_path / f"image{suffix}", exif=exif)
    stored = Image.open(tmp_path / f"image{suffix}")
    read = read_image(tmp_path / f"image{suffix}", UNCHANGED)
    assert torch.equal(read.pixels, pixels_of(stored if turn is None else stored.transpose(turn)))
    assert read.size == ((60, 40) if orientation >= 5 else (40, 60))
    assert read.changes == (() if turn is None else ("turned upright as their EXIF orientation says",))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_sixteen_bits_keep_their_shades(suffix: str, tmp_path: Path) -> None:
    wide = np.linspace(0, 65535, 4000).round().astype(np.uint16).reshape(40, 100)
    path = tmp_path / f"image{suffix}"
    if suffix == ".pgm":
        path.write_bytes(b"P5 100 40 65535\n" + wide.astype(">u2").tobytes())
    else:
        Image.fromarray(wide).save(path)
    read = read_image(path, UNCHANGED)
    assert read.pixels.dtype == torch.float32
    assert np.array_equal(np.rint(read.pixels[0].double().numpy() * 65535), wide)
    assert read.changes == ()
    small = read_image(path, Geometry(resize=(20, 50))).pixels
    assert small.shape == (1, 20, 50)
    assert 0 <= small.min() < small.max() <= 1


def test_sixteen_bits_a_colour_are_said_to_be_reduced(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    rows = b"".join(b"\0" + bytes(range(18)) for _ in range(2))
    header = struct.pack(">IIBBBBB", 3, 2, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks)
    )
    read = read_image(path, UNCHANGED)
    assert (read.pixels.shape, read.changes) == ((3, 2, 3), ("of 16 bits a colour, reduced to 8",))


@pytest.mark.parametrize(("suffix", "file_format"), [(".tif", "TIFF"), (".jpg", "MPO"), (".gif", "GIF")])
def test_pages_after_the_first_are_told(suffix: str, file_format: str, photograph: Photograph, tmp_path: Path) -> None:
    path = tmp_path / f"image{suffix}"
    other = photograph.rotate(90)
    photograph.save(path, format=file_format, save_all=True, append_images=[other])
    read = read_image(path, UNCHANGED)
    assert read.changes == ("of more than one page, of which the first was read",)
    apart = [(read.pixels.int() - pixels_of(image).int()).abs().float().mean() for image in (photograph, other)]
    assert apart[0] < apart[1] / 3


def test_cmyk(photograph: Photograph, tmp_path: Path) -> None:
    photograph.convert("CMYK").save(tmp_path / "image.jpg", quality=95)
    read = read_image(tmp_path / "image.jpg", UNCHANGED)
    assert read.changes == ("converted from CMYK to RGB",)
    # JPEG loses a little; inverted ink would be off by more than a hundred.
    assert (read.pixels.int() - pixels_of(photograph).int()).abs().float().mean() < 6


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_dropped_and_said(mode: str, photograph: Photograph, tmp_path: Path) -> None:
    if mode == "P":
        image = photograph.quantize(64)
        image.info["transparency"] = 3
        plain = photograph.quantize(64).convert("RGB")
    else:
        plain = photograph.convert("L" if mode == "LA" else "RGB")
        image = plain.convert(mode)
        image.putalpha(ImageOps.invert(photograph.convert("L")))
    image.save(tmp_path / "image.png")
    read = read_image(tmp_path / "image.png", UNCHANGED)
    assert torch.equal(read.pixels, pixels_of(plain))
    assert read.changes == ("whose transparency was dropped",)


def test_palette_without_transparency(photograph: Photograph, tmp_path: Path) -> None:
    photograph.quantize(64).save(tmp_path / "image.png")
    read = read_image(tmp_path / "image.png", UNCHANGED)
    assert torch.equal(read.pixels, pixels_of(photograph.quantize(64).convert("RGB")))
    assert read.changes == ()


def test_resized_after_turning(photograph: Photograph, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photograph.save(tmp_path / "image.png", exif=exif)
    read = read_image(tmp_path / "image.png", Geometry(resize=(30, 20)))
    turned = photograph.transpose(Image.Transpose.ROTATE_270)
    assert torch.equal(read.pixels, pixels_of(turned.resize((20, 30), Image.Resampling.BILINEAR)))
    assert read.size == (60, 40)


def _bomb(path: Path, _: Photograph) -> None:
    # 100 megapixels of one colour are 12 kB: more than Pillow warns of, less than it refuses by itself.
    Image.new("1", (10_000, 10_000)).save(path)


def _huge_bomb(path: Path, _: Photograph) -> None:
    Image.new("1", (20_000, 10_000)).save(path)


def _cut(path: Path, photograph: Photograph) -> None:
    photograph.save(path)
    path.write_bytes(path.read_bytes()[:1000])


def _cut_jpeg(path: Path, photograph: Photograph) -> None:
    photograph.save(path, format="JPEG")
    path.write_bytes(path.read_bytes()[:-200])


def _float(path: Path, photograph: Photograph) -> None:
    photograph.convert("F").save(path, format="TIFF")


def _integers(path: Path, photograph: Photograph) -> None:
    photograph.convert("I").save(path, format="TIFF")


def _icon(path: Path, photograph: Photograph) -> None:
    photograph.save(path, format="ICO")


UNREADABLE: dict[str, tuple[Callable[[Path, Photograph], object], str]] = {
    "empty": (lambda path, _: path.write_bytes(b""), "empty file"),
    "text": (lambda path, _: path.write_text("no image"), "not an image that can be identified"),
    "lfs": (lambda path, _: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer"),
    "cut png": (_cut, "truncated"),
    "cut jpeg": (_cut_jpeg, "truncated"),
    "bomb": (_bomb, "100000000 pixels"),
    "huge bomb": (_huge_bomb, "200000000 pixels"),
    "float": (_float, "32-bit pixels, whose range is unknown"),
    "integers": (_integers, "32-bit pixels, whose range is unknown"),
    "format that is not opened": (_icon, "not an image that can be identified"),
    "missing": (lambda path, _: None, "No such file or directory"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_files_say_why_without_their_path(case: str, photograph: Photograph, tmp_path: Path) -> None:
    write, reason = UNREADABLE[case]
    write(tmp_path / "image.png", photograph)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnreadableImage, match=reason) as caught:
            read_image(tmp_path / "image.png", UNCHANGED)
    assert str(tmp_path) not in str(caught.value)


def test_a_cut_file_is_unreadable_whatever_other_packages_set(
    photograph: Photograph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut(tmp_path / "image.png", photograph)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(UnreadableImage, match="truncated"):
        read_image(tmp_path / "image.png", UNCHANGED)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_damaged_files_are_read_or_unreadable_and_nothing_else(photograph: Photograph, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    outcomes = set()
    for suffix in (".png", ".jpg", ".bmp", ".tif", ".webp", ".ppm"):
        path = tmp_path / f"image{suffix}"
        photograph.save(path)
        whole = path.read_bytes()
        for _ in range(40):
            damaged = bytearray(whole)
            for place in rng.integers(0, len(damaged), 8):
                damaged[place] = rng.integers(256)
            path.write_bytes(damaged)
            try:
                read = read_image(path, Geometry(resize=(8, 8)))
            except UnreadableImage:
                outcomes.add("unreadable")
            else:
                outcomes.add("read")
                assert read.pixels.shape[1:] == (8, 8)
    assert outcomes == {"read", "unreadable"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "image.png")
    with pytest.raises(UnreadableImage, match="no regular file"):
        read_image(tmp_path / "image.png", UNCHANGED)
