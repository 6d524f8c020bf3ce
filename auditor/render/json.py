"""``results.json``: the document itself."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from auditor.documents.results import Results, to_json
from auditor.render.base import output


@dataclass(frozen=True)
class JsonOutput:
    """The results as JSON; every other output can be made from it again."""

    file_name: str = "results.json"
    summary: str = "every number of the audit, enough to render the report again"

    def render(self, results: Results, created: datetime.date | None = None) -> bytes:
        """The document as UTF-8 JSON; ``created`` is not part of it."""
        return to_json(results).encode()


output("json")(JsonOutput())
