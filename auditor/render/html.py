"""``report.html`` and ``compare.html``: one file that needs nothing else, on a screen, a phone or in print."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from auditor.documents.comparison import Comparison
from auditor.documents.results import Results
from auditor.render.base import comparison_output, output


@dataclass(frozen=True)
class HtmlOutput:
    """The report as a self-contained HTML file."""

    file_name: str = "report.html"
    summary: str = "the report for a screen, one file, no request to anywhere"

    def render(self, document: Results | Comparison, created: datetime.date | None = None) -> bytes:
        """The document as UTF-8."""
        from auditor.render.markup import markup

        return markup(document, created).encode("utf-8")


output("html")(HtmlOutput())
comparison_output("html")(HtmlOutput("compare.html", "the comparison for a screen, one file"))
