"""A grid of sample images as ONE picture: integer magnification, nearest neighbour, on a neutral mat.

What goes in: the PNGs of a ``SampleGrid``. What comes out: one PNG, transparent between the images, and the
place of every image in it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.documents.results import SampleCell
from auditor.render.assets import data_uri
from auditor.render.figures.colour import diverging

if TYPE_CHECKING:
    from PIL import Image

MAT = 2
"""Width of the neutral mat around each image."""
EDGE = 2
NEUTRAL = (140, 140, 140, 255)


@dataclass(frozen=True)
class Sprite:
    """One picture holding rows of images.

    Args:
        uri: the PNG as a ``data:`` address.
        width, height: its size in pixels.
        cell_width, cell_height: size of one image with its mat.
        gap_x, gap_y: space between images.
        factor: integer magnification.
    """

    uri: str
    width: int
    height: int
    cell_width: int
    cell_height: int
    gap_x: int
    gap_y: int
    factor: int

    def place(self, row: int, column: int) -> tuple[int, int]:
        """Left and upper edge of an image."""
        return column * (self.cell_width + self.gap_x), row * (self.cell_height + self.gap_y)


def magnification(width: int, height: int, wanted: int) -> int:
    """The integer factor at which the longer side comes closest to ``wanted`` without passing it; at least 1."""
    return max(1, wanted // max(width, height))


def sprite(
    rows: Sequence[Sequence[SampleCell]], width: int, height: int, wanted: int, gap_x: int, gap_y: int
) -> Sprite:
    """Compose the images.

    Args:
        rows: cells of each row; difference images are coloured from purple (darker) to green (brighter), scaled
            to the largest change of the grid.
        width, height: pixels of one image.
        wanted: side in pixels that the longer side of an image may take.
        gap_x, gap_y: space between images; ``gap_y`` leaves room for their captions.
    """
    from PIL import Image

    factor = magnification(width, height, wanted)
    cell_width, cell_height = width * factor + 2 * MAT, height * factor + 2 * MAT
    columns = max(len(row) for row in rows)
    # The transparent edge keeps the outermost mats whole where a viewer rounds the picture to whole dots.
    size = columns * (cell_width + gap_x) - gap_x + EDGE, len(rows) * (cell_height + gap_y) - gap_y + EDGE
    canvas = Image.new("RGBA", size, (0, 0, 0, 0))
    difference = _difference_colours(_strongest(rows))
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            left, top = j * (cell_width + gap_x), i * (cell_height + gap_y)
            image = _coloured(cell, difference) if cell.role == "difference" else _open(cell).convert("RGBA")
            canvas.paste(NEUTRAL, (left, top, left + cell_width, top + cell_height))
            canvas.paste(
                image.resize((width * factor, height * factor), Image.Resampling.NEAREST), (left + MAT, top + MAT)
            )
    return Sprite(data_uri("image/png", _png(canvas)), *size, cell_width, cell_height, gap_x, gap_y, factor)


def _open(cell: SampleCell) -> Image.Image:
    from PIL import Image

    return Image.open(io.BytesIO(base64.b64decode(cell.png)), formats=["PNG"])


def _strongest(rows: Sequence[Sequence[SampleCell]]) -> float:
    """Largest change of any difference image, in grey levels; 1 where nothing changes."""
    levels = (level for row in rows for cell in row if cell.role == "difference" for level in _range(cell))
    return max((abs(level - 128.0) for level in levels), default=0.0) or 1.0


def _range(cell: SampleCell) -> tuple[float, float]:
    low, high = _open(cell).convert("L").getextrema()
    assert isinstance(low, (int, float))
    assert isinstance(high, (int, float))
    return low, high


def _difference_colours(strongest: float) -> list[list[int]]:
    """Red, green and blue of each grey level of a difference image."""
    colours = [_rgb(diverging((level - 128) / strongest)) for level in range(256)]
    return [[colour[k] for colour in colours] for k in range(3)]


def _coloured(cell: SampleCell, colours: list[list[int]]) -> Image.Image:
    from PIL import Image

    levels = _open(cell).convert("L")
    return Image.merge("RGB", [levels.point(channel) for channel in colours]).convert("RGBA")


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _png(image: Image.Image) -> bytes:
    """An indexed PNG where 256 colours lose nothing, else one in true colour.

    Packed as well as zlib does by default: its best takes nine times as long for 3 % less.
    """
    colours = image.getcolors(256)
    stored = image.quantize(256, method=2) if colours is not None else image
    buffer = io.BytesIO()
    (stored if colours is None or _same(stored, image) else image).save(buffer, "PNG")
    return buffer.getvalue()


def _same(stored: Image.Image, image: Image.Image) -> bool:
    return stored.convert("RGBA").tobytes() == image.tobytes()
