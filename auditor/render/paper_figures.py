"""Figures on paper: each an ``<img>``, so that the PDF's layout parses and styles none of what is drawn in it."""

from __future__ import annotations

from xml.etree import ElementTree

from markupsafe import Markup

from auditor.render.assets import data_uri
from auditor.render.figures.measure import has_glyphs, text_width


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
