"""``report.html``: one file that needs nothing else, on a screen, a phone or in print."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from auditor.documents.results import Results
from auditor.render.base import output


@dataclass(frozen=True)
class HtmlOutput:
    """The report as a self-contained HTML file."""

    file_name: str = "report.html"
    summary: str = "the report for a screen, one file, no request to anywhere"

    def render(self, results: Results, created: datetime.date | None = None) -> bytes:
        """The document as UTF-8."""
        from auditor.render.markup import document

        return document(results, created).encode("utf-8")


output("html")(HtmlOutput())
