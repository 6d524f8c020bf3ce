"""Many image files become one tensor: one size, one number of channels, and a list of what could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from auditor.datasets.adapt import resize_note
from auditor.datasets.base import SkippedFile
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


def read_images(files: Sequence[ImageFile], size: tuple[int, int] | None, max_skip: float) -> ImageBatch:
    """Read all files in order.

    Args:
        files: at least one.
        size: ``(H, W)`` to which images are resized; None takes the size of the first one.
        max_skip: share of unreadable files that is tolerated.
    Raises:
        InputRefused: more files than that cannot be read, or none can.
    """
    images: list[ReadImage] = []
    kept: list[int] = []
    skipped: list[SkippedFile] = []
    for position, file in enumerate(files):
        try:
            images.append(read_image(file.path, size or (images[0].size if images else None)))
            kept.append(position)
        except UnreadableImage as err:
            skipped.append(SkippedFile(file.name, str(err)))
    if len(skipped) > max_skip * len(files) or not images:
        raise InputRefused(
            f"at most {100 * max_skip:g} % of the image files unreadable (--max-skip)",
            f"{len(skipped):,} of {len(files):,}, the first is {skipped[0].file} ({skipped[0].reason})",
            "repair or remove them, or raise --max-skip",
        )
    labels = torch.tensor([files[position].label for position in kept])
    return ImageBatch(_stacked(images), labels, torch.tensor(kept), tuple(skipped), _notes(images, size is None))


def _stacked(images: Sequence[ReadImage]) -> Tensor:
    channels = max(len(image.pixels) for image in images)
    wide = any(image.pixels.is_floating_point() for image in images)
    return torch.stack([(_unit(image.pixels) if wide else image.pixels).expand(channels, -1, -1) for image in images])


def _unit(pixels: Tensor) -> Tensor:
    return pixels if pixels.is_floating_point() else pixels.float() / 255


def _notes(images: Sequence[ReadImage], size_of_first: bool) -> tuple[str, ...]:
    counted = Counter(change for image in images for change in image.changes)
    notes = [f"Images {change}: {count:,}." for change, count in sorted(counted.items())]
    grey = sum(len(image.pixels) == 1 for image in images)
    if 0 < grey < len(images):
        notes.append(f"Grey images among colour ones, repeated into three channels: {grey:,}.")
    notes += _depth_note([image.pixels for image in images if image.pixels.is_floating_point()])
    height, width = images[0].pixels.shape[1:]
    sizes = {image.size for image in images}
    if sizes != {(height, width)}:
        low, high = (end(sizes, key=lambda size: (size[0] * size[1], size)) for end in (min, max))
        found = f"{low[0]} x {low[1]}" + (f" to {high[0]} x {high[1]}" if high != low else "")
        what = f"Images of {found} pixels" + (", which differ from the first," if size_of_first else "")
        notes.append(resize_note(what, (height, width)))
        if any(size[0] * width != size[1] * height for size in sizes):
            notes.append("The aspect ratio was not kept.")
    return tuple(notes)


def _depth_note(wide: Sequence[Tensor]) -> list[str]:
    """What was done to images of 16 bits; many a scanner fills only the lower 10, 12 or 14."""
    if not wide:
        return []
    highest = round(65535 * max(float(pixels.max()) for pixels in wide))
    bits = highest.bit_length()
    note = f"Images of 16 bits, divided by 65,535: {len(wide):,}; their largest value is {highest:,}."
    if 8 < bits < 16:
        top = 2**bits - 1
        note += f" If the model was trained on value / {top:,}, say --mean 0 --std {top / 65535:.6g}."
    return [note]
