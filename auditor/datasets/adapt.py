"""Samples as they were read become samples of the shape that the model takes; values stay in [0, 1].

Images are resized (bilinear, antialiased), grey is repeated into three channels, colour becomes grey by the
luma of ITU-R BT.601, images are flattened to vectors and vectors of the right length are shaped into images.
uint8 stays uint8. Whatever else differs is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from auditor.errors import InputRefused

Wanted = tuple[int | None, ...] | None
"""Shape that the model takes, in pixel space: ``(C, H, W)`` or ``(D,)``, None where any size is accepted."""

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


def adapt(pixels: Tensor, wanted: Wanted) -> Adapted:
    """Samples in the shape ``wanted``.

    Args:
        pixels: ``(N, C, H, W)`` or ``(N, D)``, uint8 or float32 in [0, 1].
        wanted: ``(C, H, W)``, ``(D,)``, either with None where any size will do, or None to keep the shape.
    Raises:
        InputRefused: the shapes cannot be reconciled.
    """
    images = pixels.dim() == 4
    if wanted is None or (len(wanted) == 1 and not images):
        if wanted is not None and wanted[0] not in (None, pixels.shape[1]):
            raise _refused(pixels, wanted)
        return Adapted(pixels, _image_shape(pixels))
    if len(wanted) == 1:
        return _flattened(pixels, wanted)
    if len(wanted) != 3:
        raise _refused(pixels, wanted)
    return _as_images(pixels, wanted) if images else _shaped(pixels, wanted)


def _as_images(pixels: Tensor, wanted: tuple[int | None, ...]) -> Adapted:
    channels, height, width = (want or have for want, have in zip(wanted, pixels.shape[1:], strict=True))
    notes: list[str] = []
    if (pixels.shape[1], channels) == (3, 1):
        # Fewer channels first: there is less to resize.
        pixels = luma(pixels)
        notes.append("Colour images were converted to grey (luma of ITU-R BT.601).")
    if (pixels.shape[1], channels) != (1, 3) and pixels.shape[1] != channels:
        raise _refused(pixels, wanted)
    if tuple(pixels.shape[2:]) != (height, width):
        notes.append(resize_note(f"Images of {pixels.shape[2]} x {pixels.shape[3]} pixels", (height, width)))
        if pixels.shape[2] * width != pixels.shape[3] * height:
            notes.append("The aspect ratio was not kept.")
        pixels = resize(pixels, (height, width))
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


def resize(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Images in another size by bilinear interpolation with antialiasing.

    Args:
        pixels: ``(N, C, H, W)``, uint8 (the result is rounded) or float32 in [0, 1].
        size: new height and width.
    Returns:
        ``(N, C, *size)`` of the same dtype.
    """
    out = torch.empty(*pixels.shape[:2], *size, dtype=pixels.dtype)
    highest = 255 if pixels.dtype == torch.uint8 else 1
    for chunk, place in zip(pixels.split(_CHUNK), out.split(_CHUNK), strict=True):
        small = interpolate(chunk.float(), size=size, mode="bilinear", antialias=True, align_corners=False)
        small = small.round() if pixels.dtype == torch.uint8 else small
        place.copy_(small.clamp(0, highest))  # the weights of a pixel add up to 1 only to the last digit
    return out


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


def resize_note(what: str, size: tuple[int, int]) -> str:
    """The sentence for the report."""
    return f"{what} were resized to {size[0]} x {size[1]} (bilinear, antialiased)."


def _image_shape(pixels: Tensor) -> tuple[int, int, int] | None:
    if pixels.dim() != 4 or pixels.shape[1] not in (1, 3):
        return None
    return int(pixels.shape[1]), int(pixels.shape[2]), int(pixels.shape[3])


def _refused(pixels: Tensor, wanted: tuple[int | None, ...]) -> InputRefused:
    have = f"images of {_text(pixels.shape[1:])}" if pixels.dim() == 4 else f"vectors of {pixels.shape[1]}"
    return InputRefused(
        f"samples for the model's input of shape {_text(wanted)}",
        have,
        "give data of that shape, or correct --layout",
    )


def _text(shape: tuple[int | None, ...] | list[int] | torch.Size) -> str:
    return " x ".join("any" if size is None else str(size) for size in shape)
