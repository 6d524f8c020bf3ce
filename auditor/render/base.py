"""What an output format provides and how one is registered.

An output is one module: a frozen dataclass under ``@output(name)``. It is a pure function of the results
and of the date to print; whoever calls it writes the file.
"""

from __future__ import annotations

import datetime
from typing import Protocol, runtime_checkable

from auditor.documents.results import Results
from auditor.registry import Registry


class Output(Protocol):
    """A format in which results are written.

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

    def render(self, results: Results, created: datetime.date | None = None) -> bytes:
        """The whole file. Equal arguments give equal bytes.

        Args:
            results: the document to show.
            created: date to print on the report; None prints none.
        """
        ...


@runtime_checkable
class OutputOfPlace(Output, Protocol):
    """An output that also says where the model file lies."""

    def placed(self, model_path: str) -> Output:
        """The same output for a model file at this path from its repository's root; empty where that is not known."""
        ...


outputs: Registry[Output] = Registry("output", "auditor.render")
output = outputs.register
