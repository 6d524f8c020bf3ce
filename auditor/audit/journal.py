"""The journal of an audit: every finished part on the disk, so that the same command goes on after whatever ended it.

A file of lines in the output folder, each the SHA-256 of a JSON document and the document: first the facts under which
the parts were made, then the parts. A line is added and forced to the disk before anyone is told that its part is
finished. A line that a failing machine cut or changed does not have its digest; its part is made again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from auditor.audit.messages import Begun, PartDone
from auditor.audit.parts import Found, Part
from auditor.audit.store import write_whole
from auditor.errors import AuditIncomplete

JOURNAL = "audit.journal"
T = TypeVar("T")
_facts: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])
_part: TypeAdapter[Part] = TypeAdapter(Part)


class Journal:
    """The journal in one output folder.

    Args:
        folder: of the audit's output; it is there.
        keep: go on from what it holds; otherwise that is forgotten.
    Attributes:
        found: what an earlier run left, or None.
        damaged: lines of it that could not be used.
    """

    def __init__(self, folder: Path, *, keep: bool = True) -> None:
        self._path = folder / JOURNAL
        self._lines: list[bytes] = []
        self.found: Found | None = None
        self.damaged = 0
        if keep:
            self._read()

    def _read(self) -> None:
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return
        except OSError as err:
            raise AuditIncomplete(
                f"expected to read {self._path}; found: {err.strerror}; mend it, or give --no-resume"
            ) from err
        head, parts = _document(lines[0], _facts) if lines else None, list[Part]()
        for line in lines[1:]:
            part = _document(line, _part)
            if part is None:
                self.damaged += 1
            else:
                parts.append(part)
                self._lines.append(line)
        if head is None:  # nothing tells what the parts are parts of
            self.damaged = len(lines)
            return
        self.found = Found(facts=head, parts=parts)

    def keep(self, message: Begun | PartDone) -> None:
        """Write down what the worker says.

        Raises:
            AuditIncomplete: it could not be written; what was written before is there.
        """
        if isinstance(message, PartDone):
            self._add(_line(message.part.model_dump_json().encode()))
            return
        if self.found is None or message.changed:
            self._lines = []
        # Whole and new, so that neither a cut line nor parts of another audit stand before what is added.
        head = _line(_facts.dump_json(message.facts))
        write_whole(self._path, b"".join(line + b"\n" for line in [head, *self._lines]))
        self.found, self._lines = None, []

    def _add(self, line: bytes) -> None:
        try:
            with self._path.open("ab") as file:
                file.write(line + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as err:
            found = f"{err.strerror}; what was finished before is kept: free space and run the command again"
            raise AuditIncomplete(f"expected to write {self._path}; found: {found}") from err

    def finish(self) -> None:
        """The results are written: the journal is needed no more."""
        with suppress(OSError):  # the same command would find everything finished, which does no harm
            self._path.unlink(missing_ok=True)


def _line(document: bytes) -> bytes:
    return hashlib.sha256(document).hexdigest().encode() + b" " + document


def _document(line: bytes, kind: TypeAdapter[T]) -> T | None:
    """The document of a line; None where the line is damaged or of another version of the tool."""
    digest, _, document = line.partition(b" ")
    if hashlib.sha256(document).hexdigest().encode() != digest:
        return None
    try:
        return kind.validate_json(document)
    except ValidationError:
        return None


@contextmanager
def only_audit(folder: Path) -> Iterator[None]:
    """Keep other audits out of an output folder for as long as the block runs.

    Raises:
        AuditIncomplete: another one is at work there.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise AuditIncomplete(
                f"expected a folder to itself; found another audit writing to {folder}; wait, or name another with"
                " --out"
            ) from err
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(handle)
