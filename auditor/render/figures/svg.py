"""``Drawing``: the few SVG shapes that the figures need, always escaped, always the same bytes."""

from __future__ import annotations

from typing import Literal, cast
from xml.etree import ElementTree

from auditor.render.figures.colour import PAPER_COLOURS, Role, Shade
from auditor.render.names import display_text

Anchor = Literal["start", "middle", "end"]
FONT = "Audit Sans"
TEXT_SIZE = 10.5
SMALL = 9.5


class Drawing:
    """An SVG picture under construction; user units are CSS pixels at natural size.

    Args:
        width, height: natural size.
        alt: what the picture shows, for readers who do not see it.
    """

    def __init__(self, width: float, height: float, alt: str) -> None:
        self.width, self.height = width, height
        self._root = ElementTree.Element(
            "svg",
            {"viewBox": f"0 0 {_n(width)} {_n(height)}", "width": _n(width), "height": _n(height), "role": "img"},
        )
        ElementTree.SubElement(self._root, "title").text = display_text(alt, 1200)

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        role: Role = "rule",
        width: float = 0.75,
        dash: str | None = None,
    ) -> None:
        """A straight stroke; ``dash`` as in ``stroke-dasharray``."""
        self._stroke("line", {"x1": _n(x1), "y1": _n(y1), "x2": _n(x2), "y2": _n(y2)}, role, width, dash)

    def polyline(
        self, points: list[tuple[float, float]], role: Role, width: float = 1.25, dash: str | None = None
    ) -> None:
        """A stroke through points, not filled."""
        text = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self._stroke("polyline", {"points": text, "fill": "none", "stroke-linejoin": "round"}, role, width, dash)

    def rect(
        self, x: float, y: float, width: float, height: float, fill: Role | Shade | str, opacity: float = 1.0
    ) -> None:
        """A filled rectangle; ``fill`` is a role, a step of a map, or a ``#`` colour that is the same in the dark."""
        self._filled("rect", {"x": _n(x), "y": _n(y), "width": _n(width), "height": _n(height)}, fill, opacity)

    def polygon(self, points: list[tuple[float, float]], fill: Role | str, opacity: float = 1.0) -> None:
        """A filled area."""
        self._filled("polygon", {"points": " ".join(f"{_n(x)},{_n(y)}" for x, y in points)}, fill, opacity)

    def circle(self, x: float, y: float, radius: float, fill: Role | str, opacity: float = 1.0) -> None:
        """A filled dot."""
        self._filled("circle", {"cx": _n(x), "cy": _n(y), "r": _n(radius)}, fill, opacity)

    def ring(self, x: float, y: float, radius: float, role: Role, width: float = 1.25) -> None:
        """An open dot with the page's ground inside."""
        self._filled("circle", {"cx": _n(x), "cy": _n(y), "r": _n(radius)}, "ground", 1.0)
        self._stroke("circle", {"cx": _n(x), "cy": _n(y), "r": _n(radius), "fill": "none"}, role, width, None)

    def dots(self, points: list[tuple[float, float]], size: float, role: Role, opacity: float = 1.0) -> None:
        """Many equal dots as one path: round caps of strokes without length."""
        if not points:
            return
        path = "".join(f"M{_n(x)} {_n(y)}h0" for x, y in points)
        extra = {"d": path, "fill": "none", "stroke-linecap": "round"}
        if opacity < 1:
            extra["stroke-opacity"] = _n(opacity)
        self._stroke("path", extra, role, size, None)

    def text(
        self,
        x: float,
        y: float,
        content: str,
        anchor: Anchor = "start",
        role: Role | Shade | str = "ink",
        size: float = TEXT_SIZE,
        bold: bool = False,
        turn: float = 0.0,
    ) -> None:
        """One line of text with its baseline at ``y``; ``turn`` in degrees about the anchor."""
        attributes = {"x": _n(x), "y": _n(y), "font-family": FONT, "font-size": _n(size)}
        if anchor != "start":
            attributes["text-anchor"] = anchor
        if bold:
            attributes["font-weight"] = "600"
        if turn:
            attributes["transform"] = f"rotate({_n(turn)} {_n(x)} {_n(y)})"
        self._filled("text", attributes, role, 1.0).text = display_text(content)

    def image(self, x: float, y: float, width: float, height: float, uri: str) -> None:
        """A raster picture (a ``data:`` address), never smoothed."""
        ElementTree.SubElement(
            self._root,
            "image",
            {"x": _n(x), "y": _n(y), "width": _n(width), "height": _n(height), "href": uri,
             "image-rendering": "pixelated", "preserveAspectRatio": "none"},
        )  # fmt: skip

    def markup(self) -> str:
        """The ``<svg>`` element."""
        return ElementTree.tostring(self._root, encoding="unicode")

    def _stroke(self, tag: str, attributes: dict[str, str], role: Role, width: float, dash: str | None) -> None:
        attributes |= {"stroke": PAPER_COLOURS[role], "class": f"k-{role}", "stroke-width": _n(width)}
        if dash:
            attributes["stroke-dasharray"] = dash
        ElementTree.SubElement(self._root, tag, attributes)

    def _filled(
        self, tag: str, attributes: dict[str, str], fill: Role | Shade | str, opacity: float
    ) -> ElementTree.Element:
        if isinstance(fill, Shade):
            attributes |= {"fill": fill.colour, "class": fill.name}
        elif fill.startswith("#"):
            attributes["fill"] = fill
        else:
            attributes |= {"fill": PAPER_COLOURS[cast(Role, fill)], "class": f"f-{fill}"}
        if opacity < 1:
            attributes["fill-opacity"] = _n(opacity)
        return ElementTree.SubElement(self._root, tag, attributes)


def _n(value: float) -> str:
    """A coordinate with at most two decimals."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
