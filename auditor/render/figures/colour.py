"""The document's colours: roles on paper, the classes' two colours, and the maps for numbers.

Class s is Okabe-Ito blue and class t Okabe-Ito vermilion wherever a pair is shown. Numbers use cividis,
differences purple to green; both are readable with every common form of colour blindness. What is at the far end of a
map stands out from the page, on white paper and on a dark screen: a ``Shade`` has a colour for either.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
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
    return _along(_palette("cividis", 256), 1.0 - share)


def diverging(share: float) -> str:
    """Purple (-1) through white (0) to green (1)."""
    return _along(_palette("PRGn", 257), (share + 1.0) / 2)


def text_on(colour: str) -> str:
    """Black or white, whichever contrasts more with ``colour``."""
    return "#ffffff" if _luminance(colour) < 0.179 else "#000000"


def _along(palette: tuple[str, ...], position: float) -> str:
    return palette[round(min(max(position, 0.0), 1.0) * (len(palette) - 1))]


@cache
def _palette(name: str, size: int) -> tuple[str, ...]:
    """A colour map of matplotlib in ``size`` steps; an odd number has the neutral colour in its middle."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    colours = colormaps[name].resampled(size)
    return tuple(to_hex(colours(i)) for i in range(size))


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _rgb(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
