"""``compare.pdf``: the same document on paper."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from auditor.documents.comparison import Comparison
from auditor.render.comparison.base import comparison_output


@dataclass(frozen=True)
class PdfComparison:
    """The comparison as a tagged PDF."""

    file_name: str = "compare.pdf"
    summary: str = "the comparison on paper"

    def render(self, comparison: Comparison, created: datetime.date | None = None) -> bytes:
        """The PDF file."""
        from auditor.render.comparison.html import document
        from auditor.render.pdf import printed

        return printed(document(comparison, created, paper=True))


comparison_output("pdf")(PdfComparison())
