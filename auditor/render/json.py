"""``results.json`` and ``compare.json``: the document itself."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from auditor.documents.comparison import Comparison
from auditor.documents.results import Results, to_json
from auditor.render.base import comparison_output, output


@dataclass(frozen=True)
class JsonOutput:
    """The document as JSON; every other output can be made from it again."""

    file_name: str = "results.json"
    summary: str = "every number of the audit, enough to render the report again"

    def render(self, document: Results | Comparison, created: datetime.date | None = None) -> bytes:
        """The document as UTF-8 JSON; ``created`` is not part of it."""
        return to_json(document).encode()


output("json")(JsonOutput())
comparison_output("json")(JsonOutput("compare.json", "every number of the comparison"))
