"""Samples as they were read become samples of the shape that the model takes; values stay in [0, 1].

Images are resized and cut as ``geometry`` says, grey is repeated into three channels, colour becomes grey by the
luma of ITU-R BT.601, images are flattened to vectors and vectors of the right length are shaped into images.
uint8 stays uint8. Whatever else differs is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from auditor.datasets.geometry import UNCHANGED, Geometry
from auditor.errors import InputRefused, UsageError

Wanted = tuple[int | None, ...] | None
"""Shape that the model takes, in pixel space: ``(C, H, W)`` or ``(D,)``, None where any size is accepted."""

_MODES = {"bilinear": "bilinear", "bicubic": "bicubic", "nearest": "nearest-exact"}
_CHUNK = 256
"""Images resized at a time, so that float copies stay small."""


@dataclass(frozen=True)
class Adapted:
    """Samples in the model's shape.

    Args:
        pixels: ``(N, C, H, W)`` or ``(N, D)``, uint8 or float32 in [0, 1].
        image_shape: ``(C, H, W)`` in which a sample can be shown, None where it is no image.
        notes: what was done, in whole sentences.
    """

    pixels: Tensor
    image_shape: tuple[int, int, int] | None
    notes: tuple[str, ...] = ()


def adapt(pixels: Tensor, wanted: Wanted, geometry: Geometry = UNCHANGED) -> Adapted:
    """Samples in the shape ``wanted``.

    Args:
        pixels: ``(N, C, H, W)`` or ``(N, D)``, uint8 or float32 in [0, 1].
        wanted: ``(C, H, W)``, ``(D,)``, either with None where any size will do, or None to keep the shape.
        geometry: what becomes of the size of images; as ``Geometry.for_model`` made it.
    Raises:
        InputRefused: the shapes cannot be reconciled.
    """
    images = pixels.dim() == 4
    if wanted is None or (len(wanted) == 1 and not images):
        if wanted is not None and wanted[0] not in (None, pixels.shape[1]):
            raise _refused(pixels, wanted)
        return _as_images(pixels, (None, None, None), geometry) if images else Adapted(pixels, _image_shape(pixels))
    if len(wanted) == 1:
        return _flattened(pixels, wanted)
    if len(wanted) != 3:
        raise _refused(pixels, wanted)
    return _as_images(pixels, wanted, geometry) if images else _shaped(pixels, wanted)


def _as_images(pixels: Tensor, wanted: tuple[int | None, ...], geometry: Geometry) -> Adapted:
    channels, notes = wanted[0] or pixels.shape[1], list[str]()
    if (pixels.shape[1], channels) == (3, 1):
        # Fewer channels first: there is less to resize.
        pixels = luma(pixels)
        notes.append("Colour images were converted to grey (luma of ITU-R BT.601).")
    if (pixels.shape[1], channels) != (1, 3) and pixels.shape[1] != channels:
        raise _refused(pixels, wanted)
    own = (int(pixels.shape[2]), int(pixels.shape[3]))
    size = tuple(want or have for want, have in zip(wanted[1:], own, strict=True))
    if geometry.resize is None and geometry.crop is None:
        geometry = replace(geometry, resize=(size[0], size[1]))
    if done := geometry.words(own):
        notes.append(f"Images of {own[0]} x {own[1]} pixels were {done}.")
        notes += [] if geometry.keeps_aspect(own) else ["The aspect ratio was not kept."]
        pixels = cut(resize(pixels, geometry.resized(own), geometry.interpolation), geometry)
    if pixels.shape[1] != channels:
        pixels = pixels.repeat(1, 3, 1, 1)
        notes.append("Grey images were repeated into three channels.")
    return Adapted(pixels, _image_shape(pixels), tuple(notes))


def _flattened(pixels: Tensor, wanted: tuple[int | None, ...]) -> Adapted:
    size = pixels[0].numel()
    if wanted[0] not in (None, size):
        raise _refused(pixels, wanted)
    note = f"Images of {_text(pixels.shape[1:])} were flattened to vectors of {size}."
    return Adapted(pixels.flatten(1), _image_shape(pixels), (note,))


def _shaped(pixels: Tensor, wanted: tuple[int | None, ...]) -> Adapted:
    """Vectors as images, if the wanted shape is fixed and has as many pixels."""
    shape = [size for size in wanted if size is not None]
    if len(shape) != 3 or shape[0] * shape[1] * shape[2] != pixels.shape[1]:
        raise _refused(pixels, wanted)
    images = pixels.reshape(-1, *shape)
    note = f"Vectors of {pixels.shape[1]} were shaped into images of {_text(shape)}, channels first."
    return Adapted(images, _image_shape(images), (note,))


def resize(pixels: Tensor, size: tuple[int, int], interpolation: str = "bilinear") -> Tensor:
    """Images in another size, antialiased.

    Args:
        pixels: ``(N, C, H, W)``, uint8 (the result is rounded) or float32 in [0, 1].
        size: new height and width.
        interpolation: bilinear, bicubic or nearest.
    Returns:
        ``(N, C, *size)`` of the same dtype.
    Raises:
        UsageError: an interpolation that torch does not have.
    """
    if tuple(pixels.shape[2:]) == size:
        return pixels
    if interpolation not in _MODES:
        known = ", ".join(_MODES)
        raise UsageError(f"expected --interpolation {known} for arrays; found {interpolation}; only files take others")
    out = torch.empty(*pixels.shape[:2], *size, dtype=pixels.dtype)
    highest = 255 if pixels.dtype == torch.uint8 else 1
    mode = _MODES[interpolation]
    smooth: dict[str, bool] = {} if mode == "nearest-exact" else {"antialias": True, "align_corners": False}
    for chunk, place in zip(pixels.split(_CHUNK), out.split(_CHUNK), strict=True):
        small = interpolate(chunk.float(), size=size, mode=mode, **smooth)
        small = small.round() if pixels.dtype == torch.uint8 else small
        place.copy_(small.clamp(0, highest))  # the weights of a pixel add up to 1 only to the last digit
    return out


def cut(pixels: Tensor, geometry: Geometry) -> Tensor:
    """The middle of images, ``(N, C, *geometry.crop)``; what lies outside them is black."""
    if geometry.crop is None:
        return pixels
    height, width = int(pixels.shape[2]), int(pixels.shape[3])
    left, top, right, bottom = geometry.box((height, width))
    return pad(pixels, (-left, right - width, -top, bottom - height))


def luma(pixels: Tensor) -> Tensor:
    """Grey images from colour: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).

    Args:
        pixels: ``(N, 3, H, W)``, uint8 or float32.
    Returns:
        ``(N, 1, H, W)`` of the same dtype; uint8 rounded as Pillow's ``convert("L")`` does.
    """
    if pixels.dtype == torch.uint8:
        red, green, blue = pixels.int().unbind(1)
        return ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16).to(torch.uint8).unsqueeze(1)
    red, green, blue = pixels.unbind(1)
    return (0.299 * red + 0.587 * green + 0.114 * blue).clamp(0, 1).unsqueeze(1)


def _image_shape(pixels: Tensor) -> tuple[int, int, int] | None:
    if pixels.dim() != 4 or pixels.shape[1] not in (1, 3):
        return None
    return int(pixels.shape[1]), int(pixels.shape[2]), int(pixels.shape[3])


def _refused(pixels: Tensor, wanted: tuple[int | None, ...]) -> InputRefused:
    have = f"images of {_text(pixels.shape[1:])}" if pixels.dim() == 4 else f"vectors of {pixels.shape[1]}"
    expected = f"samples for the model's input of shape {_text(wanted)}"
    if pixels.dim() == 4 and len(wanted) == 3 and pixels.shape[1] in (2, 4) and wanted[0] == pixels.shape[1] - 1:
        return InputRefused(expected, f"{have}: one channel more, probably alpha", "leave the last channel out")
    return InputRefused(expected, have, "give data of that shape, or correct --layout")


def _text(shape: tuple[int | None, ...] | list[int] | torch.Size) -> str:
    return " x ".join("any" if size is None else str(size) for size in shape)
