"""What an output format provides and how one is registered.

An output is one module: a frozen dataclass under ``@output(name)``, and where it shows comparisons another instance of
it under ``comparison_output``. It is a pure function of the document and of the date to print; whoever calls it writes
the file.
"""

from __future__ import annotations

import datetime
from typing import Protocol, TypeVar, runtime_checkable

from auditor.documents.comparison import Comparison
from auditor.documents.results import Results
from auditor.registry import Registry

Document = TypeVar("Document", contravariant=True)


class Output(Protocol[Document]):
    """A format in which results, or a comparison, are written.

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

    def render(self, document: Document, /, created: datetime.date | None = None) -> bytes:
        """The whole file. Equal arguments give equal bytes.

        Args:
            document: to show.
            created: date to print; None prints none.
        """
        ...


@runtime_checkable
class OutputOfPlace(Output[Results], Protocol):
    """An output that also says where the model file lies."""

    def placed(self, model_path: str) -> Output[Results]:
        """The same output for a model file at this path from its repository's root; empty where that is not known."""
        ...


outputs: Registry[Output[Results]] = Registry("output", "auditor.render")
output = outputs.register
comparison_outputs: Registry[Output[Comparison]] = Registry("comparison", "auditor.render")
comparison_output = comparison_outputs.register
