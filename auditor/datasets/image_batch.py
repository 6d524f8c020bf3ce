"""Many image files become one tensor: one size, one number of channels, and a list of what could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from auditor.datasets.base import SkippedFile
from auditor.datasets.geometry import Geometry
from auditor.datasets.image_file import ReadImage, UnreadableImage, read_image
from auditor.errors import InputRefused


@dataclass(frozen=True)
class ImageFile:
    """A file to read: its path, its name in messages, its class."""

    path: Path
    name: str
    label: int


@dataclass(frozen=True)
class ImageBatch:
    """The images that could be read.

    Args:
        pixels: uint8 ``(N, C, H, W)``, C is 1 if all are grey, else 3; float32 in [0, 1] if any file has 16 bits.
        labels: int64 ``(N,)``.
        kept: int64 ``(N,)``, position of each image's file in the list.
        skipped: the other files.
        notes: what was done to the images, in whole sentences.
    """

    pixels: Tensor
    labels: Tensor
    kept: Tensor
    skipped: tuple[SkippedFile, ...]
    notes: tuple[str, ...]


def read_images(files: Sequence[ImageFile], geometry: Geometry, max_skip: float) -> ImageBatch:
    """Read all files in order.

    Args:
        files: at least one.
        geometry: what becomes of their sizes.
        max_skip: share of unreadable files that is tolerated.
    Raises:
        InputRefused: more files than that cannot be read, or none can, or their sizes differ and nothing says which
            one the model takes.
    """
    images: list[ReadImage] = []
    kept: list[int] = []
    skipped: list[SkippedFile] = []
    for position, file in enumerate(files):
        try:
            images.append(read_image(file.path, geometry))
            kept.append(position)
        except UnreadableImage as err:
            skipped.append(SkippedFile(file.name, str(err)))
    if len(skipped) > max_skip * len(files) or not images:
        raise InputRefused(
            f"at most {100 * max_skip:g} % of the image files unreadable (--max-skip)",
            f"{len(skipped):,} of {len(files):,}, the first is {skipped[0].file} ({skipped[0].reason})",
            "repair or remove them, or raise --max-skip",
        )
    if len({image.pixels.shape[1:] for image in images}) > 1:
        raise _sizes_differ(images)
    labels = torch.tensor([files[position].label for position in kept])
    return ImageBatch(_stacked(images), labels, torch.tensor(kept), tuple(skipped), _notes(images, geometry))


def _sizes_differ(images: Sequence[ReadImage]) -> InputRefused:
    counted = Counter(image.size for image in images)
    (height, width), most = counted.most_common(1)[0]
    return InputRefused(
        "--resize, because the model takes images of any size and these are not of one",
        f"{len(counted):,} sizes, most often {height} x {width} ({most:,} of {len(images):,} images)",
        f"say how the model was trained, such as --resize {height}x{width}, or --resize 256 --crop 224",
    )


def _stacked(images: Sequence[ReadImage]) -> Tensor:
    channels = max(len(image.pixels) for image in images)
    wide = any(image.pixels.is_floating_point() for image in images)
    return torch.stack([(_unit(image.pixels) if wide else image.pixels).expand(channels, -1, -1) for image in images])


def _unit(pixels: Tensor) -> Tensor:
    return pixels if pixels.is_floating_point() else pixels.float() / 255


def _notes(images: Sequence[ReadImage], geometry: Geometry) -> tuple[str, ...]:
    counted = Counter(change for image in images for change in image.changes)
    notes = [f"Images {change}: {count:,}." for change, count in sorted(counted.items())]
    grey = sum(len(image.pixels) == 1 for image in images)
    if 0 < grey < len(images):
        notes.append(f"Grey images among colour ones, repeated into three channels: {grey:,}.")
    notes += _depth_note([image.pixels for image in images if image.pixels.is_floating_point()], len(images))
    notes += _size_notes({image.size for image in images}, geometry)
    return tuple(notes)


def _size_notes(sizes: set[tuple[int, int]], geometry: Geometry) -> list[str]:
    """What became of the sizes, in the words for the smallest image where that differs."""
    changed = [size for size in sizes if geometry.words(size)]
    if not changed:
        return []
    low, high = (end(sizes, key=lambda size: (size[0] * size[1], size)) for end in (min, max))
    span = f"{low[0]} x {low[1]}" + (f" to {high[0]} x {high[1]}" if high != low else "")
    target = geometry if len(sizes) == 1 or geometry.size is None or isinstance(geometry.resize, tuple) else None
    said = geometry.words(changed[0]) if target else _scaled(geometry)
    notes = [f"Images of {span} pixels were {said}."]
    return notes if all(map(geometry.keeps_aspect, sizes)) else [*notes, "The aspect ratio was not kept."]


def _scaled(geometry: Geometry) -> str:
    """Words for images of many sizes, of which only the shorter edge or the crop is common."""
    edge = f"resized so that the shorter edge is {geometry.resize} ({geometry.interpolation}, antialiased)"
    cut = f"cut to the middle {geometry.crop[0]} x {geometry.crop[1]}" if geometry.crop else ""
    return ", then ".join([edge] * (geometry.resize is not None) + [cut] * bool(cut))


def _depth_note(wide: Sequence[Tensor], count: int) -> list[str]:
    """What was done to images of 16 bits; many a scanner fills only the lower 10, 12 or 14."""
    if not wide:
        return []
    highest = round(65535 * max(float(pixels.max()) for pixels in wide))
    bits = highest.bit_length()
    note = f"Images of 16 bits, divided by 65,535: {len(wide):,}; their largest value is {highest:,}."
    if len(wide) < count:
        note += f" The other {count - len(wide):,} have 8 bits and were divided by 255: look whether that is one scale."
    elif 8 < bits < 16:
        top = 2**bits - 1
        note += f" If the model was trained on value / {top:,}, say --mean 0 --std {top / 65535:.6g}."
    return [note]
