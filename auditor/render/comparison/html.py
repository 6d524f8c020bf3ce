"""``compare.html``: one file that needs nothing else."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from auditor.documents.comparison import Comparison
from auditor.render.comparison.base import comparison_output


def document(comparison: Comparison, created: datetime.date | None, paper: bool = False) -> str:
    """The whole HTML document."""
    from auditor.render.comparison.view import build
    from auditor.render.markup import page

    return page("compare.html.j2", comparison.candidate.tool, report=build(comparison, created), paper=paper)


@dataclass(frozen=True)
class HtmlComparison:
    """The comparison as a self-contained HTML file."""

    file_name: str = "compare.html"
    summary: str = "the comparison for a screen, one file"

    def render(self, comparison: Comparison, created: datetime.date | None = None) -> bytes:
        """The document as UTF-8."""
        return document(comparison, created).encode("utf-8")


comparison_output("html")(HtmlComparison())
