"""The document's colours: roles on paper, the classes' two colours, and the maps for numbers.

Class s is Okabe-Ito blue and class t Okabe-Ito vermilion wherever a pair is shown. Numbers use cividis,
differences purple to green; both are readable with every common form of colour blindness. What is at the far end of a
map stands out from the page, on white paper and on a dark screen: a ``Shade`` has a colour for either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["ink", "muted", "rule", "faint", "ground", "accent", "s", "t", "s_text", "t_text", "third", "empty"]

PAPER_COLOURS: dict[Role, str] = {
    "ink": "#1c1b19",
    "muted": "#5d5850",
    "rule": "#a59f94",
    "faint": "#e4e0d8",
    "ground": "#ffffff",
    "accent": "#1f5f5b",
    "s": "#0072b2",
    "t": "#d55e00",
    "s_text": "#005f96",
    "t_text": "#a84700",
    "third": "#8d877c",
    "empty": "#f0ede7",
}
"""Role to colour on white paper; the style sheet gives each role its colour on a dark screen."""


LEVELS = 32
"""Steps of a map, of which each has a class in the style sheet."""
# fmt: off
CIVIDIS = (
    "#fee838", "#f8df3c", "#efd748", "#e6d051", "#ddc858", "#d4c15f", "#ccba64", "#c3b369", "#bbad6d", "#b3a670",
    "#aaa073", "#a29975", "#9a9376", "#928d78", "#8b8778", "#838179", "#7d7c78", "#767676", "#6f7073", "#686a71",
    "#61656f", "#5a5f6e", "#535a6d", "#4b546c", "#434e6c", "#3b496c", "#32436d", "#273e6e", "#1a386f", "#053371",
    "#002e6a", "#00285b", "#00224e",
)
"""Cividis (Nunez, Anderton, Renslow 2018) in LEVELS + 1 colours, the lightest first."""
PURPLE_GREEN = (
    "#40004b", "#762a83", "#9970ab", "#c2a5cf", "#e7d4e8", "#f7f7f7", "#d9f0d3", "#a6dba0", "#5aae61", "#1b7837",
    "#00441b",
)
# fmt: on
"""ColorBrewer's PRGn, between whose colours lie equal steps."""
DARK_GROUND = "#24221f"
"""What a difference of nothing looks like on a dark screen: the ground of an empty cell there."""


@dataclass(frozen=True)
class Shade:
    """A step of a map: its colour on paper, and the class by which the style sheet gives it another in the dark."""

    name: str
    colour: str

    @property
    def text(self) -> Shade:
        """The shade of text on it."""
        return Shade(f"{self.name}t", text_on(self.colour))


def sequential_shade(share: float) -> Shade:
    """The step of the map of numbers at ``share`` in [0, 1]: 1 stands out most."""
    level = round(min(max(share, 0.0), 1.0) * LEVELS)
    return Shade(f"q{level}", sequential(level / LEVELS))


def diverging_shade(share: float) -> Shade:
    """The step of the map of differences at ``share`` in [-1, 1]: both ends stand out most."""
    level = round(min(max(share, -1.0), 1.0) * LEVELS)
    return Shade(f"d{level + LEVELS}", diverging(level / LEVELS))


def dark_rules() -> str:
    """The rules that give every step its colour on a dark screen, where the far end is the lightest."""
    dark = {f"q{k}": sequential(1 - k / LEVELS) for k in range(LEVELS + 1)}
    dark |= {f"d{k + LEVELS}": _dark_difference(k / LEVELS) for k in range(-LEVELS, LEVELS + 1)}
    return "".join(f".{name}{{fill:{colour}}}.{name}t{{fill:{text_on(colour)}}}" for name, colour in dark.items())


def _dark_difference(share: float) -> str:
    """Between the dark ground and a light purple or green."""
    end = diverging(0.45 if share > 0 else -0.45)
    mixed = (round(a + (b - a) * abs(share)) for a, b in zip(_rgb(DARK_GROUND), _rgb(end), strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def sequential(share: float) -> str:
    """Cividis at ``share`` in [0, 1]: 0 is light yellow, 1 is dark blue, so that more is darker on paper."""
    return CIVIDIS[round(min(max(share, 0.0), 1.0) * LEVELS)]


def diverging(share: float) -> str:
    """Purple (-1) through white (0) to green (1)."""
    step = round((min(max(share, -1.0), 1.0) + 1) / 2 * 256)
    before, part = divmod(step * 10, 256)
    ends = _rgb(PURPLE_GREEN[before]), _rgb(PURPLE_GREEN[min(before + 1, 10)])
    return "#" + "".join(f"{round(a + (b - a) * part / 256):02x}" for a, b in zip(*ends, strict=True))


def text_on(colour: str) -> str:
    """Black or white, whichever contrasts more with ``colour``."""
    return "#ffffff" if _luminance(colour) < 0.179 else "#000000"


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _rgb(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
