"""``report.pdf``: the same document on paper, by WeasyPrint: cover, contents, running heads, bookmarks, tags.

Nothing is fetched: an address other than ``data:`` ends the rendering. The bytes depend on the document and
the date alone.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from auditor.render.base import output
from auditor.results import Results

_EPOCH = "SOURCE_DATE_EPOCH"


@dataclass(frozen=True)
class PdfOutput:
    """The report as a tagged PDF."""

    file_name: str = "report.pdf"
    summary: str = "the report on paper, with contents, bookmarks and alternative texts"

    def render(self, results: Results, created: datetime.date | None = None) -> bytes:
        """The PDF file."""
        from auditor.render.markup import document

        return printed(document(results, created, paper=True))


def printed(html: str) -> bytes:
    """A page that needs nothing else as a tagged PDF."""
    from weasyprint import HTML

    with _pinned_font_dates():
        page = HTML(string=html, url_fetcher=closed_fetcher(), media_type="print")
        content: bytes = page.write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=None)
    return content


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


output("pdf")(PdfOutput())
