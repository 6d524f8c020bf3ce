"""``report.pdf`` and ``compare.pdf``: the same document on paper, by WeasyPrint.

It has a cover, contents, running heads, bookmarks and tags. Nothing is fetched: an address other than ``data:`` ends
the rendering. The bytes depend on the document and the date alone.
"""

from __future__ import annotations

import ctypes
import datetime
import gc
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from auditor.documents.comparison import Comparison
from auditor.documents.results import Results
from auditor.render.base import comparison_output, output

_EPOCH = "SOURCE_DATE_EPOCH"
_LIBRARIES = ("libgobject-2.0.so.0", "libpango-1.0.so.0", "libharfbuzz.so.0", "libfontconfig.so.1",
              "libpangoft2-1.0.so.0")  # fmt: skip
"""What WeasyPrint loads, as Linux calls it."""


@dataclass(frozen=True)
class PdfOutput:
    """The report as a tagged PDF."""

    file_name: str = "report.pdf"
    summary: str = "the report on paper, with contents, bookmarks and alternative texts"

    def render(self, document: Results | Comparison, created: datetime.date | None = None) -> bytes:
        """The PDF file."""
        from weasyprint import HTML

        from auditor.render.markup import markup
        from auditor.render.paper_figures import whole_texts

        with _pinned_font_dates(), _without_collection(), whole_texts():
            rules, fonts = _loaded.pop() if _loaded else _rules_and_fonts()
            html = markup(document, created, paper=True)
            page = HTML(string=html, url_fetcher=closed_fetcher(), media_type="print")
            content: bytes = page.write_pdf(
                stylesheets=[rules], font_config=fonts, pdf_variant="pdf/ua-1", pdf_identifier=None
            )
        return content

    def load(self) -> None:
        """WeasyPrint, and the style sheet with its fonts as it wants them."""
        if not _loaded:
            _loaded.append(_rules_and_fonts())


_loaded: list[tuple[Any, Any]] = []
"""For the next rendering, which takes it: what one document does with it must not reach another."""


def _rules_and_fonts() -> tuple[Any, Any]:
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

    from auditor.render.markup import style_sheet

    fonts = FontConfiguration()
    return CSS(string=style_sheet(), url_fetcher=closed_fetcher(), media_type="print", font_config=fonts), fonts


def missing_library() -> str:
    """Why no PDF can be made on this machine; empty where one can.

    Only where a system library is not there under its usual name is WeasyPrint itself imported, which takes a while.
    """
    if find_spec("weasyprint") is not None and all(map(_loads, _LIBRARIES)):
        return ""
    try:
        with redirect_stdout(io.StringIO()):  # where it advertises its manual
            import weasyprint  # noqa: F401
    except Exception as err:
        return f"{type(err).__name__}: {err}"
    return ""


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def closed_fetcher() -> Any:
    """A fetcher that serves ``data:`` addresses and ends the rendering on anything else.

    WeasyPrint only logs a failed fetch and goes on without the resource, unless the error is a fatal one.
    """
    from weasyprint.urls import FatalURLFetchingError, URLFetcher

    class ClosedFetcher(URLFetcher):
        def fetch(self, url: str, headers: Any = None) -> Any:
            if not url.lower().startswith("data:"):
                raise FatalURLFetchingError(
                    f"expected a report without references; found {url[:80]!r}; report this as a bug"
                )
            return super().fetch(url, headers)

    return ClosedFetcher(allowed_protocols=("data",), allow_redirects=False, fail_on_errors=True)


@contextmanager
def _pinned_font_dates() -> Iterator[None]:
    """While a PDF is written, embedded fonts are dated by a fixed day, not by the clock.

    SOURCE_DATE_EPOCH is the only way that fontTools offers to the subsets that WeasyPrint makes.
    """
    before = os.environ.get(_EPOCH)
    os.environ[_EPOCH] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_EPOCH]
        else:
            os.environ[_EPOCH] = before


@contextmanager
def _without_collection() -> Iterator[None]:
    """No cyclic garbage collection while a PDF is made: what is laid out lives until the end."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


output("pdf")(PdfOutput())
comparison_output("pdf")(PdfOutput("compare.pdf", "the comparison on paper"))
