"""How wide text is in the document's sans, so that labels fit without opening a font."""

from __future__ import annotations

import json
from functools import cache

from auditor.render.assets import read_text
from auditor.render.figures.svg import TEXT_SIZE

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def text_width(text: str, size: float = TEXT_SIZE, bold: bool = False) -> float:
    """Width in user units; a glyph that the font lacks counts as one em."""
    advances = _advances()["semibold" if bold else "regular"]
    return sum(advances.get(character, 1000) for character in text) * size / 1000


def has_glyphs(text: str) -> bool:
    """Whether the document's sans has every character, so that the width is that of its glyphs."""
    return _advances()["regular"].keys() >= set(text)


def fitted(text: str, width: float, size: float = TEXT_SIZE, bold: bool = False) -> str:
    """The text, cut with an ellipsis where it is wider than ``width``."""
    if text_width(text, size, bold) <= width + 0.01:
        return text
    kept = text
    while kept and text_width(kept + _ELLIPSIS, size, bold) > width:
        kept = kept[:-1]
    return kept.rstrip() + _ELLIPSIS


def wrapped(text: str, width: float, size: float = TEXT_SIZE) -> list[str]:
    """The text in lines no wider than ``width``, broken between words; only a word wider than that is cut."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(fitted(word, width, size))
    return lines


def centred(x: float, text: str, width: float, size: float = TEXT_SIZE) -> float:
    """The middle nearest to ``x`` at which the text lies inside a picture of ``width``."""
    half = text_width(text, size) / 2
    return min(max(x, half), max(width - half, half))


@cache
def _advances() -> dict[str, dict[str, int]]:
    advances: dict[str, dict[str, int]] = json.loads(read_text("fonts/advances.json"))
    return advances
