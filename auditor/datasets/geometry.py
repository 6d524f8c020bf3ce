"""How images become the size that the model takes: resized, then the middle cut out, as in training.

Conventions are torchvision's: a single number is the shorter edge, the longer one follows and is rounded down; a crop
larger than the image is filled up with black. ``datasets.image_file`` does it on files by Pillow, ``datasets.adapt`` on
arrays by torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from auditor.errors import UsageError

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
INTERPOLATIONS: tuple[str, ...] = get_args(Interpolation)
Size = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """What is done to the size of an image.

    Args:
        resize: ``(H, W)``, or the shorter edge; None keeps the size.
        crop: ``(H, W)`` of the middle that is kept, or None.
        interpolation: how pixels are resized; always antialiased where it shrinks.
    """

    resize: int | Size | None = None
    crop: Size | None = None
    interpolation: Interpolation = "bilinear"

    @property
    def size(self) -> Size | None:
        """``(H, W)`` of every image afterwards, None where it depends on the image."""
        if self.crop is not None:
            return self.crop
        return self.resize if isinstance(self.resize, tuple) else None

    @property
    def asked_for(self) -> str:
        """What was asked for, in words; empty where nothing was.

        >>> Geometry(resize=256, crop=(224, 224)).asked_for
        'shorter edge 256, bilinear, middle 224 x 224'
        """
        if self.resize is None and self.crop is None:
            return "" if self.interpolation == "bilinear" else self.interpolation
        resize = [_text(self.resize) if isinstance(self.resize, tuple) else f"shorter edge {self.resize}"]
        cut = [] if self.crop is None else [f"middle {_text(self.crop)}"]
        return ", ".join([*([] if self.resize is None else [*resize, self.interpolation]), *cut])

    def for_model(self, size: Size | None) -> Geometry:
        """This geometry for a model that takes ``(H, W)``, or images of any size.

        Where nothing was asked for, images are stretched to the model's size; where only the shorter edge was, the
        middle of the model's size is kept, or a square of that edge.

        Raises:
            UsageError: it leads to another size than the model's.
        """
        whole = self
        if self.resize is None and self.crop is None:
            whole = replace(self, resize=size)
        elif isinstance(self.resize, int) and self.crop is None:
            whole = replace(self, crop=size or (self.resize, self.resize))
        if size is not None and self.crop is None and isinstance(self.resize, int) and self.resize < max(size):
            raise UsageError(
                f"expected a shorter edge of {max(size)} or more, since the model takes images of {_text(size)}; found"
                f" --resize {self.resize}; correct or omit it"
            )
        if size is not None and whole.size != size:
            raise UsageError(
                f"expected --resize and --crop to lead to images of {_text(size)}, which the model takes; found"
                f" {_text(whole.size or size)}; correct or omit them"
            )
        return whole

    def resized(self, size: Size) -> Size:
        """``(H, W)`` of an image of ``size`` after resizing.

        >>> Geometry(resize=256).resized((300, 400)), Geometry(resize=(8, 9)).resized((300, 400))
        ((256, 341), (8, 9))
        """
        if isinstance(self.resize, tuple):
            return self.resize
        if self.resize is None:
            return size
        height, width = size
        if height <= width:
            return self.resize, max(1, self.resize * width // height)
        return max(1, self.resize * height // width), self.resize

    def box(self, size: Size) -> tuple[int, int, int, int]:
        """``(left, top, right, bottom)`` of the crop in an image of ``size``; parts outside it are black.

        >>> Geometry(crop=(2, 2)).box((4, 6))
        (2, 1, 4, 3)
        """
        height, width = self.crop or size
        top, left = _start(size[0], height), _start(size[1], width)
        return left, top, left + width, top + height

    def words(self, size: Size) -> str | None:
        """What it does to images of ``size``, None where that is nothing."""
        resized, (left, top, right, bottom) = self.resized(size), self.box(self.resized(size))
        cut = (bottom - top, right - left)
        if resized == size and cut == size:
            return None
        said = [] if resized == size else [f"resized to {_text(resized)} ({self.interpolation}, antialiased)"]
        return ", then ".join([*said, *([] if cut == resized else [f"cut to the middle {_text(cut)}"])])

    def keeps_aspect(self, size: Size) -> bool:
        """Whether width and height are scaled alike, to the rounding of a pixel."""
        height, width = self.resized(size)
        return abs(size[0] * width - size[1] * height) < max(size)


UNCHANGED = Geometry()
"""Nothing was asked for: images are stretched to the model's size where it has one."""


def parse_resize(text: str) -> int | Size:
    """``256`` (the shorter edge) or ``224x320`` (height x width).

    Raises:
        ValueError: neither.
    """
    numbers = [int(part) for part in text.casefold().replace("\N{MULTIPLICATION SIGN}", "x").split("x")]
    if len(numbers) > 2 or not all(1 <= number <= 1 << 14 for number in numbers):
        raise ValueError(text)
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def _start(have: int, keep: int) -> int:
    """Where the middle begins, rounded as torchvision rounds; below zero where it is larger than the image."""
    return round((have - keep) / 2) if keep <= have else -((keep - have) // 2)


def _text(size: Size) -> str:
    return f"{size[0]} x {size[1]}"
