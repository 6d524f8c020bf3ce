"""What an output format provides and how one is registered.

An output is one module: a frozen dataclass under ``@output(name)``, and where it shows comparisons another instance of
it under ``comparison_output``. It is a pure function of the document and of the date to print; whoever calls it writes
the file.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

from auditor.documents.comparison import Comparison
from auditor.documents.results import Results
from auditor.plugin_registry import Registry

Document = TypeVar("Document", contravariant=True)
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(?<!\.)")
"""What every file system takes as the name of a file."""
_OTHER_FILES = ("run.json", "instances", "audit.journal")
"""What else a command puts into an output folder; a file system may not tell capital letters from small ones."""


class Output(Protocol[Document]):
    """A format in which results, or a comparison, are written.

    Attributes:
        file_name: name of the file in the output folder.
        summary: what it is, in half a sentence.

    >>> import auditor
    >>> class OneWord:
    ...     file_name, summary = "verdict.txt", "the verdict of a comparison in a word"
    ...
    ...     def render(self, comparison, created=None) -> bytes:
    ...         return comparison.verdict.encode()
    >>> auditor.comparison_output("verdict")(OneWord()).file_name
    'verdict.txt'
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


@runtime_checkable
class LoadedOutput(Output[Results], Protocol):
    """An output that takes a while to load what it needs of any results."""

    def load(self) -> None:
        """Load it, beside whatever else this process does."""
        ...


def output_fault(output: Any, others: Mapping[str, Any]) -> str | None:
    """Why a plug-in cannot write beside the others; None where it can."""
    name = getattr(output, "file_name", None)
    if not (isinstance(name, str) and isinstance(getattr(output, "summary", None), str)):
        return "it has no file_name and summary"
    if not callable(getattr(output, "render", None)) or isinstance(output, type):
        return "it is no object with a method render"
    taken = {*_OTHER_FILES, *(other.file_name.casefold() for other in others.values())}
    if not _PLAIN.fullmatch(name) or name.casefold() in taken:
        return f"its file name {name[:60]!r} is no plain name, or that of another output"
    return None


outputs: Registry[Output[Results]] = Registry("output", "auditor.render", fault=output_fault)
output = outputs.register
comparison_outputs: Registry[Output[Comparison]] = Registry("comparison", "auditor.render", fault=output_fault)
comparison_output = comparison_outputs.register
