"""Figures on paper: each an ``<img>``, so that the PDF's layout parses and styles none of what is drawn in it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup

from auditor.render.assets import data_uri
from auditor.render.figures.measure import has_glyphs, text_width

KNOWN_WEASYPRINT = "70.0"


def as_image(svg: Markup) -> Markup:
    """The figure as an ``<img>`` whose alternative text is the figure's title."""
    root = ElementTree.fromstring(svg)
    for text in root.iter("text"):
        _start(text)
    alt = root.findtext("title", "")
    root.set("xmlns", "http://www.w3.org/2000/svg")
    return Markup('<img alt="{}" src="{}">').format(alt, data_uri("image/svg+xml", ElementTree.tostring(root)))


def _start(text: ElementTree.Element) -> None:
    """Let the text begin where its anchor puts it: WeasyPrint makes a picture of its own of a text with an anchor."""
    content, size = text.text or "", float(text.get("font-size", ""))
    if text.get("text-anchor") is None or text.get("transform") is not None or not has_glyphs(content):
        return
    width = text_width(content, size, bold=text.get("font-weight") is not None)
    share = 0.5 if text.attrib.pop("text-anchor") == "middle" else 1.0
    text.set("x", f"{float(text.get('x', '')) - share * width:.2f}")


@contextmanager
def whole_texts() -> Iterator[None]:
    """While the block runs, WeasyPrint sets each text of a figure as a whole, kerned, as it does outside of figures.

    Its own way is to lay out every letter twice, a third of all drawing of a report. It is left to it in every version
    but the one whose inside is known; the tests compare both ways.
    """
    import weasyprint
    from weasyprint import svg

    own = svg.text
    if weasyprint.__version__ == KNOWN_WEASYPRINT:
        svg.text = svg.TAGS["text"] = _draw_text
    try:
        yield
    finally:
        svg.text = svg.TAGS["text"] = own


def _draw_text(figure: Any, node: Any, font_size: float) -> None:
    """Draw one text of a ``Drawing``: a line in one font, whose attributes are its own."""
    from weasyprint.css.properties import INITIAL_VALUES
    from weasyprint.draw.text import draw_emojis, draw_first_line
    from weasyprint.matrix import Matrix
    from weasyprint.svg.bounding_box import extend_bounding_box
    from weasyprint.svg.text import Style, TextBox
    from weasyprint.text.line_break import split_first_line

    if not node.text:
        return
    style = Style(INITIAL_VALUES)
    style.font_config = figure.font_config
    style |= {"font_family": [node.get("font-family")], "font_size": font_size}
    style["font_weight"] = int(node.get("font-weight", 400))
    layout, _, _, width, height, baseline = split_first_line(node.text, style, figure.context, math.inf, 0)
    x, y = figure.point(node.get("x"), node.get("y"), font_size)
    corners = (x, y - baseline), (x + width, y - baseline + height)
    node.text_bounding_box = extend_bounding_box(node.text_bounding_box, corners)
    figure.stream.push_state()
    fill, stroke = figure.set_graphical_state(node, font_size)
    figure.stream.begin_text()
    layout.reactivate(style)
    figure.fill_stroke(fill, stroke, text=True)
    box = TextBox(layout, style)
    box.baseline = baseline
    emojis = draw_first_line(figure.stream, box, "none", "none", Matrix(d=-1, e=x, f=y))
    figure.stream.end_text()
    figure.stream.pop_state()
    draw_emojis(figure.stream, style, x, y, emojis)
