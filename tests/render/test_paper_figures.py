"""Figures on paper: nothing is lost or moved by what makes them quick."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from auditor.render.figures.measure import text_width
from auditor.render.figures.svg import Drawing
from auditor.render.markup import style_sheet
from auditor.render.paper_figures import KNOWN_WEASYPRINT, as_image, whole_texts

pypdf = pytest.importorskip("pypdf")
weasyprint = pytest.importorskip("weasyprint")


def drawing() -> str:
    """A text of each kind, all of letters between which there is no kerning."""
    made = Drawing(400, 200, 'six "texts" & more')
    made.text(20, 30, "HIH")
    made.text(200, 60, "HIHI", "middle", "muted", 9.5)
    made.text(380, 90, "HIHIH", "end", "accent", bold=True)
    made.text(300, 150, "IIH", "middle", turn=-90)
    made.text(20, 180, "H < H & H")
    return made.markup()


def test_an_image_says_what_the_figure_says_and_its_texts_begin_where_their_anchors_put_them() -> None:
    image = as_image(Markup(drawing()))
    assert 'alt="six &#34;texts&#34; &amp; more"' in image
    found = re.search('base64,([^"]*)', image)
    assert found is not None
    texts = ElementTree.fromstring(base64.b64decode(found[1])).iterfind(".//{*}text")
    places = {t.text: (float(t.get("x", "")), t.get("text-anchor")) for t in texts}
    assert places == {
        "HIH": (20, None),
        "HIHI": (pytest.approx(200 - text_width("HIHI", 9.5) / 2, abs=0.006), None),
        "HIHIH": (pytest.approx(380 - text_width("HIHIH", bold=True), abs=0.006), None),
        "IIH": (300, "middle"),  # turned about its anchor
        "H < H & H": (20, None),
    }
    unknown = Drawing(40, 20, "a width that is not known")
    unknown.text(20, 10, "\N{CJK UNIFIED IDEOGRAPH-4E00}", "middle")
    assert "text-anchor" in base64.b64decode(as_image(Markup(unknown.markup())).split(",")[1].split('"')[0]).decode()


def beginnings(pdf: bytes) -> Iterator[tuple[float, ...]]:
    """The matrix of the first letter of every text of a document, in the order of its streams."""
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    for number in range(1, int(reader.trailer["/Size"])):
        stream = reader.get_object(number)
        if isinstance(stream, pypdf.generic.StreamObject):
            for text in re.findall(rb"\bBT\n(.*?)\nET", stream.get_data(), re.S):
                first = re.search(rb"([-\d. ]+) Tm", text)
                assert first is not None
                yield tuple(float(value) for value in first[1].split())


def test_a_text_as_a_whole_begins_where_weasyprint_itself_puts_its_first_letter() -> None:
    assert weasyprint.__version__ == KNOWN_WEASYPRINT, "look at weasyprint.svg.text, then name this version"
    page = f"<style>{style_sheet()}</style><body lang='en'>{as_image(Markup(drawing()))}"
    made = {}
    for name, way in (("own", nullcontext()), ("whole", whole_texts())):
        with way:
            made[name] = weasyprint.HTML(string=page).write_pdf()
    own, whole = (list(beginnings(made[name])) for name in ("own", "whole"))
    assert len(own) == 5
    assert all(a == pytest.approx(b, abs=0.01) for a, b in zip(own, whole, strict=True))
    text = pypdf.PdfReader(io.BytesIO(made["whole"])).pages[0].extract_text()
    assert sorted(text.split("\n")) == sorted(["HIH", "HIHI", "HIHIH", "IIH", "H < H & H"])
    assert len(made["whole"]) < len(made["own"])


def test_weasyprint_has_its_own_way_again_afterwards() -> None:
    from weasyprint import svg

    own = svg.TAGS["text"]
    with suppress(ZeroDivisionError), whole_texts():
        assert svg.TAGS["text"] is svg.text is not own
        raise ZeroDivisionError
    assert svg.TAGS["text"] is svg.text is own
