"""``compare.json``: the comparison itself."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from auditor.documents.comparison import Comparison
from auditor.documents.results import to_json
from auditor.render.comparison.base import comparison_output


@dataclass(frozen=True)
class JsonComparison:
    """Every number of the comparison."""

    file_name: str = "compare.json"
    summary: str = "every number of the comparison"

    def render(self, comparison: Comparison, created: datetime.date | None = None) -> bytes:
        """The document as UTF-8 JSON; ``created`` is not part of it."""
        return to_json(comparison).encode()


comparison_output("json")(JsonComparison())
