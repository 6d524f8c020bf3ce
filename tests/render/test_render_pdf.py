"""report.pdf: contents with true page numbers, bookmarks, text of every section, no log line, the same bytes."""

from __future__ import annotations

import datetime
import html
import io
import logging
import os
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from auditor.documents.results import Results
from auditor.render.assets import read_text
from auditor.render.base import outputs
from tests.render.sample_results import flagged, synthetic_results

pypdf = pytest.importorskip("pypdf")
weasyprint = pytest.importorskip("weasyprint")
DATE = datetime.date(2026, 11, 24)
A4 = (794, 1123)
PAIRS = [(4, 9), (3, 8), (1, 8), (0, 1)]
SECTIONS = [
    "Summary", "What to do", "The model and its data", "The boundary at a glance",
    "The most fragile of the 4 audited pairs",
    "Every measure of these pairs", "The other pairs", "Not measured, and limits", "Method and definitions",
    "Reproduce", "Ten words",
]  # fmt: skip


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            self.lines.append(record.getMessage())


@pytest.fixture(scope="module")
def log() -> Iterator[list[str]]:
    handler = Kept()
    loggers = [logging.getLogger(name) for name in ("weasyprint", "fontTools")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler.lines
    for logger in loggers:
        logger.removeHandler(handler)


@pytest.fixture(scope="module")
def results() -> Results:
    return synthetic_results(chosen=PAIRS, report_pairs=2)


@pytest.fixture(scope="module")
def content(results: Results, log: list[str]) -> bytes:
    return outputs["pdf"].render(results, created=DATE)


@pytest.fixture(scope="module")
def reader(content: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(content))


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def elements(kids: Any) -> Iterator[Any]:
    """Structure elements below, in order."""
    for kid in kids if isinstance(kids, list) else [kids]:
        found = kid.get_object()
        if isinstance(found, dict) and "/S" in found:
            yield found
            yield from elements(found.get("/K", []))


def test_nothing_is_logged(content: bytes, log: list[str]) -> None:
    assert content.startswith(b"%PDF-1.7")
    assert log == []


def test_the_same_results_give_the_same_bytes(
    results: Results, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1234567890")
    assert outputs["pdf"].render(results, created=DATE) == content
    assert os.environ["SOURCE_DATE_EPOCH"] == "1234567890"


def test_the_contents_name_the_page_on_which_each_section_begins(reader: pypdf.PdfReader) -> None:
    contents = flat(reader.pages[0].extract_text())
    for section in SECTIONS:
        found = re.search(re.escape(section) + r"[ .]*?(\d+)", contents)
        assert found, section
        assert section in flat(reader.pages[int(found[1]) - 1].extract_text())


def test_bookmarks_lead_to_sections_and_pairs(reader: pypdf.PdfReader) -> None:
    def titles(outline: list[object]) -> list[str]:
        return [t for entry in outline for t in (titles(entry) if isinstance(entry, list) else [entry.title])]  # type: ignore[attr-defined]

    found = titles(reader.outline)
    assert [title for title in found if title in SECTIONS] == SECTIONS
    assert sum(title.startswith(("4 and 9", "3 and 8")) for title in found) == 2


def test_each_ranked_pair_takes_one_page(reader: pypdf.PdfReader) -> None:
    pages = [flat(page.extract_text()) for page in reader.pages]
    first = next(i for i, text in enumerate(pages) if "rank 1 of 4" in text)
    assert "rank 2 of 4" in pages[first + 1]
    for text in pages[first : first + 2]:
        assert "strangest" in text
        assert "linear SVM." in text


def test_running_heads_and_page_numbers(reader: pypdf.PdfReader) -> None:
    total = len(reader.pages)
    assert "page 1 of" not in flat(reader.pages[0].extract_text())
    for number, page in enumerate(reader.pages[1:], 2):
        text = flat(page.extract_text())
        assert f"page {number} of {total}" in text
        assert "synthetic_test_model.onnx · no gate" in text


def test_it_is_tagged_titled_dated_and_says_its_language(reader: pypdf.PdfReader) -> None:
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert reader.metadata.title == "Decision-boundary audit of synthetic_test_model.onnx"
    assert reader.metadata.creation_date.date() == DATE


def test_every_figure_has_an_alternative_text_and_lies_inside_its_page(reader: pypdf.PdfReader) -> None:
    figures = [e for e in elements(reader.trailer["/Root"]["/StructTreeRoot"]["/K"]) if e["/S"] == "/Figure"]
    assert len(figures) > 15
    for figure in figures:
        x1, y1, x2, y2 = (float(v) for v in figure["/A"]["/BBox"])
        assert len(figure["/Alt"]) > 20
        assert 0 <= x1 < x2 <= A4[0]
        assert 0 <= y1 < y2 <= A4[1]


def test_no_figure_is_lost_with_long_names(log: list[str]) -> None:
    names = [f"a class with a name of forty letters {i:04d}" for i in range(10)]
    results = synthetic_results(chosen=PAIRS, report_pairs=2, names=[name[:40] for name in names])
    page = outputs["html"].render(results).decode()
    shown = [html.unescape(alt) for alt in re.findall(r"<svg [^>]*><title>(.*?)</title>", page)]
    paper = pypdf.PdfReader(io.BytesIO(outputs["pdf"].render(results)))
    figures = [e for e in elements(paper.trailer["/Root"]["/StructTreeRoot"]["/K"]) if e["/S"] == "/Figure"]
    assert len(shown) > 15
    assert sorted(str(e["/Alt"]) for e in figures) == sorted(shown)
    for figure in figures:
        x1, y1, x2, y2 = (float(v) for v in figure["/A"]["/BBox"])
        assert 0 <= x1 < x2 <= A4[0]
        assert 0 <= y1 < y2 <= A4[1]
    text = flat(" ".join(p.extract_text() for p in paper.pages))
    for caption in re.findall(r"<figcaption>(.*?)</figcaption>", page):
        assert flat(html.unescape(caption))[:30] in text
    assert log == []


def lines(page: pypdf.PageObject) -> list[tuple[float, float]]:
    """Height above the foot and size of every run of text on a page, from its top."""
    found: list[tuple[float, float]] = []

    def seen(text: str, _: Any, place: list[float], __: Any, size: float) -> None:
        if text.strip():
            found.append((place[5], size * abs(place[3])))

    page.extract_text(visitor_text=seen)
    return sorted(found, reverse=True)


def test_a_summary_without_findings_is_not_printed_over_itself() -> None:
    results = flagged(synthetic_results(chosen=PAIRS[:1]), "fail", "The accuracy is near chance.")
    page = pypdf.PdfReader(io.BytesIO(outputs["pdf"].render(results))).pages[1]
    text = flat(page.extract_text())
    assert "so no number below should be relied on." in text
    heights = sorted({round(height, 1) for height, _ in lines(page)}, reverse=True)
    assert min(above - below for above, below in pairwise(heights)) > 5


def test_nothing_in_print_is_laid_out_in_a_way_that_loses_what_does_not_fit() -> None:
    """Floats, flex and grid boxes are cut at the end of a page by WeasyPrint; tables, lines and blocks are not."""
    css = read_text("report.css")
    paper = css[css.index("\n@media print {") :]
    assert not re.search(r"float:|display: *(inline-)?(flex|grid)", paper)


def test_validity_flags_stand_on_the_cover_and_the_summary(log: list[str]) -> None:
    results = flagged(
        synthetic_results(chosen=[(4, 9)], images=False, embedding=False), "warn", "Softmax is saturated."
    )
    pages = pypdf.PdfReader(io.BytesIO(outputs["pdf"].render(results))).pages
    cover = flat(pages[0].extract_text())
    assert cover.index("Softmax is saturated.") < cover.index("synthetic_test_model.onnx")
    assert "Softmax is saturated." in flat(pages[1].extract_text())
    assert log == []


def test_an_address_ends_the_rendering() -> None:
    from auditor.render.pdf import closed_fetcher

    for address in ("http://127.0.0.1:9/x.png", "file:///etc/hostname"):
        document = weasyprint.HTML(string=f'<img src="{address}" alt="x">', url_fetcher=closed_fetcher())
        with pytest.raises(weasyprint.urls.FatalURLFetchingError):
            document.write_pdf()
