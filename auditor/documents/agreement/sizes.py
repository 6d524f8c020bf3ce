"""How large the parts of results may be, looked at before anything is decoded or drawn.

A few kilobytes can ask for gigabytes: a picture that says it has a billion pixels, a table of a hundred thousand rules.
The bounds lie far above what an audit writes.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator, Sized

from auditor.documents.agreement.numbers import Contradiction
from auditor.documents.results import Results, SampleGrid, ScatterSeries, Series, StripSeries

RULES = 5_000
NAMES = 10_000
"""Entries of a table by name, such as definitions and settings, and of a list of notes."""
NAME = 100_000
"""Characters of one text."""
PIXELS = 16_000_000
"""Pixels of all sample images together; an audit writes four million values."""
CELLS = 20
"""Rows of a grid of images, and images of a row."""
POINTS = 10_000
"""Numbers of one group of a series; an audit writes hundreds."""
STEPS = 20_000
"""Steps of all the paths of one series; an audit writes hundreds."""
_HEADER = struct.Struct(">8sI4sII")


def bounded(results: Results) -> Iterator[Contradiction]:
    """Parts larger than any audit makes them."""
    lists: dict[str, tuple[Sized, int]] = {
        "gate.rules": (results.gate.rules, RULES),
        "validity": (results.validity, NAMES),
        "definitions": (results.definitions, NAMES),
        "environment": (results.environment, NAMES),
        "settings.parameters": (results.settings.parameters, NAMES),
        "data.notes": (results.data.notes, NAMES),
    }
    for where, (entries, most) in lists.items():
        if len(entries) > most:
            yield Contradiction(where, f"with at most {most:,} entries", f"{len(entries):,}")
    pixels = 0
    for direction in (direction for pair in results.pairs for direction in pair.directions):
        place = f"{direction.source}:{direction.target}"
        for id, series in direction.series.items():
            yield from bounded_series(f"series {id[:60]} of {place}", series)
        if isinstance(direction.samples, SampleGrid):
            yield from _grid(f"samples of {place}", direction.samples)
            pixels += (
                direction.samples.height * direction.samples.width * sum(len(r.cells) for r in direction.samples.rows)
            )
    if pixels > PIXELS:
        yield Contradiction("samples", f"of at most {PIXELS:,} pixels in all", "more")


def bounded_series(where: str, series: Series) -> Iterator[Contradiction]:
    """A series of no more numbers than an audit writes."""
    if isinstance(series, StripSeries):
        if sum(len(row) + 1 for row in series.rows) > STEPS:
            yield Contradiction(where, f"with at most {STEPS:,} steps", "more")
        return
    if isinstance(series, ScatterSeries):
        counts = [len(group.points) for group in series.groups]
    else:
        counts = [len(group.values) for group in series.groups]
    if len(counts) > CELLS or max(counts, default=0) > POINTS:
        yield Contradiction(where, f"of at most {CELLS} groups of {POINTS:,} numbers", "more")


def _grid(where: str, grid: SampleGrid) -> Iterator[Contradiction]:
    if not (1 <= grid.height <= PIXELS and 1 <= grid.width <= PIXELS):
        yield Contradiction(where, "images with pixels", "a height or width that no image has")
        return
    if not 1 <= len(grid.rows) <= CELLS or not all(1 <= len(row.cells) <= CELLS for row in grid.rows):
        yield Contradiction(where, f"1 to {CELLS} rows of 1 to {CELLS} images", f"{len(grid.rows)} rows")
        return
    for row in grid.rows:
        for cell in row.cells:
            found = png_size(cell.png)
            if found != (grid.width, grid.height):
                said = "no PNG" if found is None else f"one of {found[0]} x {found[1]}"
                yield Contradiction(where, f"PNG images of {grid.width} x {grid.height}", said)


def png_size(text: str) -> tuple[int, int] | None:
    """Width and height that a PNG in base64 says it has; None where it is none. Nothing of it is decoded but that."""
    try:
        head = base64.b64decode(text[:32], validate=True)
        signature, _, kind, width, height = _HEADER.unpack_from(head)
    except (binascii.Error, ValueError, struct.error):
        return None
    return (width, height) if (signature, kind) == (b"\x89PNG\r\n\x1a\n", b"IHDR") else None
