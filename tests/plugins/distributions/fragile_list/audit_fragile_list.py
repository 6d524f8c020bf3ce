"""``fragile.txt``: the class pairs in the order of their fragility, one a line."""

import datetime
from dataclasses import dataclass

from auditor.documents.results import Results
from auditor.render.base import output


@dataclass(frozen=True)
class FragileList:
    """The ranking as text.

    Args:
        most: lines.
    """

    most: int = 10
    file_name: str = "fragile.txt"
    summary: str = "the most fragile class pairs, one a line"

    def render(self, results: Results, created: datetime.date | None = None) -> bytes:
        """UTF-8, a line for each pair: its rank and the names of its classes."""
        names = results.data.class_names
        ranked = enumerate(results.summary.ranking[: self.most], start=1)
        return "".join(f"{rank}. {names[a]} and {names[b]}\n" for rank, (a, b) in ranked).encode()


output("fragile")(FragileList())
