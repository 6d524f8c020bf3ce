"""One image file becomes pixels of 8 or 16 bits, upright, grey or RGB.

The file is outside data: only a few formats are opened, an image that declares too many pixels is an error, and
whatever is wrong with a file is one ``UnreadableImage``.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError
from torch import Tensor

from auditor.datasets.geometry import Geometry

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_GREY = frozenset({"1", "L", "LA", "La"})
_ALPHA = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_HIGHEST_OF_16 = 65535.0
_WIDE_AS_32 = frozenset({"PPM"})
"""Formats whose 16 bits Pillow opens as 32."""
_OTHER_COLOURS = frozenset({"CMYK", "LAB", "YCbCr"})


_START = 256
_OTHER_FILES = tuple(
    (re.compile(signature, re.DOTALL | re.IGNORECASE), kind)
    for signature, kind in (
        (rb"version https://git-lfs", "a Git LFS pointer"),
        (rb"....ftyp(heic|heix|hevc|heim|heis|mif1|msf1)", "HEIC, which is not read: convert it to JPEG or PNG"),
        (rb"....ftyp(avif|avis)", "AVIF, which is not read: convert it to JPEG or PNG"),
        (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL, which is not read: convert it to JPEG or PNG"),
        (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "JPEG 2000, which is not read: convert it to PNG"),
        (rb".{128}DICM", "DICOM, which is not read: convert it to PNG of 16 bits"),
        (rb"8BPS", "a Photoshop file, which is not read: convert it to PNG"),
        (rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI", "a video, which is not read: take images from it"),
        (rb"%PDF", "a PDF, not an image"),
        (rb"PK\x03\x04|\x1f\x8b", "an archive, not an image: unpack it"),
        (rb"\s*(<\?xml[^>]*>\s*)?<svg", "SVG, which is not read: convert it to PNG"),
        (rb"(\xef\xbb\xbf)?\s*<(!doctype html|html)", "a web page, not an image: download it again"),
        (rb"outs:\s", "a DVC pointer, not an image: run dvc pull"),
    )
)
"""What lies in image folders under names of images, by its first bytes."""


class UnreadableImage(Exception):
    """The file cannot be read as an image; the text says why, without its path."""


@dataclass(frozen=True)
class ReadImage:
    """One image.

    Args:
        pixels: uint8 ``(C, H, W)`` in 0..255, C is 1 or 3; float32 ``(1, H, W)`` in [0, 1] of a file of 16 bits, whose
            65,535 is 1.
        size: ``(H, W)`` of the upright image in the file.
        changes: what was done to it beside resizing, such as ``"converted from CMYK to RGB"``.
    """

    pixels: Tensor
    size: tuple[int, int]
    changes: tuple[str, ...]


def read_image(path: Path, geometry: Geometry) -> ReadImage:
    """Read an image, turn it as its EXIF orientation says, make it grey or RGB, and resize it; only the first page.

    Args:
        geometry: what becomes of its size.
    Raises:
        UnreadableImage: for whatever reason.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("no regular file")  # to open a pipe would wait for its other end
        with _cut_files_are_errors(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice of Pillow to its callers
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                return converted(image, geometry)
    except Exception as err:  # decoders of damaged files raise all kinds of errors
        raise UnreadableImage(_reason(path, err)) from err


@contextmanager
def _cut_files_are_errors() -> Iterator[None]:
    """Pillow's own default, which importing WeasyPrint turns off for the whole process."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def converted(image: Image.Image, geometry: Geometry) -> ReadImage:
    """An opened image turned, made grey or RGB, and resized.

    Raises:
        ValueError: its pixels are of 32 bits.
    """
    wide = _wide_colour(image)  # known until the pixels are read
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)
    changes = ["turned upright as their EXIF orientation says"] if turned else []
    changes += ["of more than one page, of which the first was read"] if getattr(image, "n_frames", 1) > 1 else []
    changes += ["of 16 bits a colour, reduced to 8"] if wide else []
    plain, change = _plain(ImageOps.exif_transpose(image), image.format)
    changes += [change] if change else []
    own = (plain.height, plain.width)
    if (size := geometry.resized(own)) != own:
        plain = plain.resize((size[1], size[0]), Image.Resampling[geometry.interpolation.upper()])
    if geometry.crop is not None and geometry.crop != size:
        plain = plain.crop(geometry.box(size))
    pixels = torch.from_numpy(np.array(plain))
    if plain.mode == "F":
        pixels = pixels / _HIGHEST_OF_16
    return ReadImage(pixels.unsqueeze(0) if pixels.dim() == 2 else pixels.permute(2, 0, 1), own, tuple(changes))


def _wide_colour(image: Image.Image) -> bool:
    """Whether Pillow drops the lower 8 of 16 bits of each colour, as it does without a word."""
    return not image.mode.startswith("I") and any(";16" in str(tile[-1]) for tile in getattr(image, "tile", ()))


def _plain(image: Image.Image, file_format: str | None) -> tuple[Image.Image, str | None]:
    """The image in mode L or RGB, or F for grey of 16 bits; and what that took."""
    mode = image.mode
    if mode.startswith("I;16") or (mode == "I" and file_format in _WIDE_AS_32):
        # Pillow resizes no 16-bit image, and its own conversion to 8 bits would clip at 255.
        return Image.fromarray(np.asarray(image).astype(np.float32)), None
    if mode in ("I", "F"):
        raise ValueError("32-bit pixels, whose range is unknown")
    if mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    alpha = "whose transparency was dropped" if image.mode in _ALPHA else None
    if mode in _GREY:
        return image.convert("L"), alpha
    return image.convert("RGB"), f"converted from {mode} to RGB" if mode in _OTHER_COLOURS else alpha


def _instead(start: bytes) -> str:
    """What a file is that cannot be identified as an image, by its first bytes; and what to do where that helps."""
    if not start.strip(b"\0"):
        return "only zero bytes: a copy that was cut short" if start else "empty file"
    for signature, kind in _OTHER_FILES:
        if signature.match(start):
            return kind
    return "not an image that can be identified"


def _reason(path: Path, err: Exception) -> str:
    """Why a file could not be read, without its path: one folder gives one report wherever it lies."""
    if isinstance(err, UnidentifiedImageError):
        with path.open("rb") as file:
            return _instead(file.read(_START))
    if isinstance(err, PermissionError) and path.is_symlink():
        return "a link that leads out of the data folder to no image: copy the files"
    if isinstance(err, OSError) and err.strerror:
        return err.strerror
    return str(err) or type(err).__name__
