"""What an output of a comparison provides; like an output of an audit, one module under ``@comparison_output``."""

from __future__ import annotations

import datetime
from typing import Protocol

from auditor.documents.comparison import Comparison
from auditor.registry import Registry


class ComparisonOutput(Protocol):
    """A format in which a comparison is written.

    Attributes:
        file_name: name of the file in the output folder.
        summary: what it is, in half a sentence.
    """

    @property
    def file_name(self) -> str:
        """Name of the file in the output folder."""
        ...

    @property
    def summary(self) -> str:
        """What it is, in half a sentence."""
        ...

    def render(self, comparison: Comparison, created: datetime.date | None = None) -> bytes:
        """The whole file. Equal arguments give equal bytes."""
        ...


comparison_outputs: Registry[ComparisonOutput] = Registry("comparison", "auditor.render.comparison")
comparison_output = comparison_outputs.register
